/** How a worker leaves without losing what it has in hand: which rule holds for it. */

import type { FreezeOutcome } from './freeze.ts';

/**
 * `none`: it serves no socket of ours, so it is simply told; `drain`: nothing new can come to it, it is told when it
 * is free; `tell`: its program finishes what it has in hand when it is told; `freeze`: it is stopped, looked at, and
 * killed when it has nothing in hand.
 */
export type RetirementRule = 'none' | 'drain' | 'tell' | 'freeze';

export interface RetirementFacts {
  readonly hasListener: boolean;
  /** Its listener gets no new connections: its whole generation leaves. */
  readonly isListenerClosing: boolean;
  /** stop_is_graceful. */
  readonly isGraceful: boolean;
}

export function retirementRule(facts: RetirementFacts): RetirementRule {
  if (!facts.hasListener) return 'none';
  if (facts.isListenerClosing) return 'drain';
  return facts.isGraceful ? 'tell' : 'freeze';
}

/** Why the rule is what it is and what it does, one sentence without its full stop. */
export const RULES: Readonly<Record<RetirementRule, string>> = {
  none: 'it serves no socket of ours, so it is told to stop',
  drain:
    'its listener gets nothing new: it is told to stop when the queue is empty and it has nothing in hand',
  tell: 'its program finishes what it has in hand on its stop signal (stop_is_graceful), so it is told',
  freeze:
    'its program loses what it has in hand on a signal: it is frozen, looked at, and killed when it is idle',
};

/** What became of a worker that was frozen. */
export const FROZEN: Readonly<Record<FreezeOutcome, string>> = {
  killed: 'it had nothing in hand and was killed',
  busy: 'it had a connection in hand and continues; it is looked at again',
  spared: 'it is being debugged, did not stop in time or cannot be looked into, and continues',
  gone: 'it had ended already',
};
