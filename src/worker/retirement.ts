/** How a worker leaves without losing what it has in hand (DESIGN D3): which rule holds for it. */

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
