/**
 * The listener of the serving generation: opened when the pool is wanted, public before anything depends on it, given
 * back when nothing of the pool is left. Pure.
 */
import type { Draft } from './draft.ts';
import { endDraining, newDraining } from './drain.ts';
import type { News } from './observation.ts';
import type { Listener } from './pool-listener.ts';
import { isEmpty, isWanted, type PoolState } from './pool-state.ts';
import { AGAIN_MS, cancelRollout, fill, giveUp, mayBeginByItself, takeOver } from './rollout.ts';

/** Nobody can be started on a listener that is lost: a generation with one of its own is tried again and again. */
export function mayReplaceLost(state: PoolState, nowMs: number): boolean {
  const { listening, listener, replacement } = state;
  const isLost = listener?.isLost === true && !listener.isForeign;
  return isLost && listening === 'open' && replacement === null && mayBeginByItself(state, nowMs);
}

export function open(draft: Draft): void {
  const { config, lastGeneration, lastListener } = draft.state;
  const generation = lastGeneration + 1;
  const number = lastListener + 1;
  const isNone = config.listen.address.type === 'none';
  draft.set({
    generation,
    lastGeneration: generation,
    ...(isNone ? { listening: 'open' } : { listening: 'opening', opening: number, lastListener: number }),
  });
  // As soon as it listens clients wait there, also for the next supervisor.
  draft.save();
  if (!isNone) draft.act({ type: 'listen', number, config });
}

/** It is not tried until a start or a reload finds that the reason is gone: nothing here would notice. */
export function obstruct(draft: Draft, reason: string): void {
  const { obstacle, listening } = draft.state;
  if (listening !== 'no' || obstacle === reason) return; // it came up meanwhile, or this is known
  draft.set({ obstacle: reason });
  draft.report({ type: 'poolFailed', pool: draft.name, reason });
}

export function takeListened(draft: Draft, number: number, inode: number): void {
  const { state } = draft;
  if (number !== state.opening) {
    // Whatever it was opened for is over; the one that serves was only given settings.
    if (number !== state.listener?.number) draft.act({ type: 'unlisten', number });
    return;
  }
  const listener = { number, inode, isLost: false, isForeign: false };
  draft.set({ opening: null });
  if (state.rollout?.phase === 'opening') {
    fill(draft, listener);
    return;
  }
  const before = state.listener;
  if (!isWanted(state)) {
    // heedDesire gives it up, or the lost one that it was to replace.
    draft.set({ listening: 'open', listener: before ?? listener, isRestored: false });
    if (before !== null && before.number !== number) draft.act({ type: 'unlisten', number });
    return;
  }
  if (before !== null && before.number !== number) {
    draft.set({ replacement: listener });
    draft.act({ type: 'publish', number });
    return;
  }
  serve(draft, listener);
  draft.act({ type: 'publish', number }); // beside one that is on its way out it would stay hidden
}

function serve(draft: Draft, listener: Listener): void {
  const { state } = draft;
  const before = state.listener;
  const isReplaced = before !== null && before.number !== listener.number;
  const generation = isReplaced ? state.lastGeneration + 1 : state.generation;
  draft.set({
    listening: 'open',
    listener,
    generation,
    lastGeneration: Math.max(generation, state.lastGeneration),
    ...(isReplaced && {
      draining: [...state.draining, newDraining(state.generation, state.config, before, draft.nowMs)],
    }),
  });
  draft.save();
  if (!state.isRestored)
    draft.report({ type: 'listening', pool: draft.name, address: state.config.listen.address.text });
  else draft.set({ isRestored: false });
}

export function takePublished(draft: Draft, number: number): void {
  const { rollout, replacement } = draft.state;
  if (rollout?.phase === 'publishing' && rollout.listener?.number === number) takeOver(draft);
  if (replacement?.number !== number) return;
  draft.set({ replacement: null });
  serve(draft, replacement);
}

/** Clients come to the one before it as ever. */
export function takePublishFailed(draft: Draft, news: Extract<News, { type: 'publishFailed' }>): void {
  const { rollout, replacement, listener } = draft.state;
  const { number, message } = news;
  // It serves, but nobody reaches it: as with a lost one, another generation is tried.
  if (rollout === null && listener?.number === number) draft.set({ listener: { ...listener, isLost: true } });
  if (rollout?.phase === 'publishing' && rollout.listener?.number === number) giveUp(draft, message);
  if (replacement?.number !== number) return;
  draft.set({ replacement: null, opening: number });
  draft.act({ type: 'unlisten', number });
  takeListenFailed(draft, { ...news, type: 'listenFailed' });
}

/** The address cannot be had. A pool that has workers of an earlier keeper continues with what they have. */
export function takeListenFailed(draft: Draft, news: Extract<News, { type: 'listenFailed' }>): void {
  const { state } = draft;
  const { number, message, code } = news;
  if (number !== state.opening) return;
  if (state.rollout?.phase === 'opening') {
    cancelRollout(draft, message);
    return;
  }
  draft.set({ opening: null });
  const isServing = state.listener !== null;
  draft.set({ openFailure: { message, code }, listening: isServing ? 'open' : 'no' });
  if (!isServing && isWanted(state)) {
    // One that an earlier supervisor left may have workers, which nobody can reach.
    if (state.isRestored || news.isForeign === true) draft.set({ desired: 'stopped' });
    else obstruct(draft, `it cannot listen: ${message}`);
  }
  if (isServing) draft.set({ noRolloutBeforeMs: draft.nowMs + AGAIN_MS });
  if (state.isRestored) draft.report({ type: 'addressLost', pool: draft.name, message, isServing });
  draft.set({ isRestored: false });
}

/** The socket of another program is the serving generation's, until a rollout takes over from it. */
export function takeTaken(draft: Draft, news: Extract<News, { type: 'taken' }>): void {
  const { state } = draft;
  const { number, inode, isLost } = news;
  if (number !== state.opening) {
    draft.act({ type: 'unlisten', number });
    return;
  }
  const generation = state.lastGeneration + 1;
  const listener = { number, inode, isLost, isForeign: true };
  draft.set({ opening: null, listening: 'open', listener, generation, lastGeneration: generation });
}

export function takeUnlistened(draft: Draft, number: number): void {
  endDraining(draft, number);
  if (draft.state.listening === 'closing' && draft.state.listener?.number === number) closed(draft);
}

/** The last thing of a stop: a listener that is not ours to close is given back. */
export function close(draft: Draft): void {
  const { state } = draft;
  if (isWanted(state) || state.listening !== 'open' || !isEmpty(state)) return;
  if (state.listener === null) {
    closed(draft);
    return;
  }
  draft.set({ listening: 'closing' });
  draft.act({ type: 'unlisten', number: state.listener.number });
}

function closed(draft: Draft): void {
  draft.set({ listening: 'no', listener: null, stopsNow: false });
  draft.save();
  draft.report({ type: 'poolStopped', pool: draft.name });
}
