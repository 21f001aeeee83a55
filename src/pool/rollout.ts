/**
 * A reload of one pool: a new generation comes up beside the serving one; when all of it is ready it takes over. If it
 * does not come up, its workers are sent away and the serving generation stays.
 */
import type { PoolConfig } from '../config/types.ts';
import type { Draft } from './draft.ts';
import { newDraining } from './drain.ts';
import { anew } from './health.ts';
import type { SharedLimits } from './observation.ts';
import { isOursToReplace, isSameAddress, type Listener } from './pool-listener.ts';
import {
  countOf,
  heldSize,
  isTaking,
  isWanted,
  type PoolState,
  type Rollout,
  readyOf,
  stayingOf,
} from './pool-state.ts';
import type { NextGeneration } from './scaling/decide.ts';

/** After a generation that nobody had asked for did not come up, or a listener that is lost could not be replaced. */
export const AGAIN_MS = 30_000;

/** @param wish null: nobody asked for it, and it takes the settings and the size that the pool has */
export function requestRollout(draft: Draft, wish: PoolConfig | null): void {
  const { config } = draft.state;
  const rollout: Rollout = {
    phase: 'waiting',
    generation: 0,
    wish,
    config: wish ?? config,
    listener: null,
    size: 0,
    scaledTo: null,
    servingBefore: 0,
    requested: 0,
    servingLimit: null,
  };
  draft.set({ rollout, lastRollout: null });
}

/** Whether a generation may take over although nobody asked for a reload: none is coming, and the last one did. */
export function mayBeginByItself({ rollout, noRolloutBeforeMs }: PoolState, nowMs: number): boolean {
  return rollout === null && nowMs >= noRolloutBeforeMs;
}

/** Moves the rollout on: it begins, makes room, or takes over. */
export function moveRollout(draft: Draft, limits: SharedLimits): void {
  const { rollout } = draft.state;
  if (rollout === null) return;
  if (rollout.phase === 'waiting' && mayBegin(draft.state)) begin(draft, rollout, limits);
  if (rollout.phase !== 'filling') return;
  const arrived = readyOf(draft.state, rollout.generation).length;
  if (arrived >= rollout.size) publish(draft, rollout);
  else makeRoom(draft, rollout, arrived, limits);
}

/** The generation before the serving one is empty, and nothing is being opened for the serving one itself. */
function mayBegin({ draining, listening, opening, replacement }: PoolState): boolean {
  return draining.length === 0 && listening === 'open' && opening === null && replacement === null;
}

/** What `decide` needs to know of the generation that comes up; null: none does. */
export function nextGeneration(state: PoolState): NextGeneration | null {
  const { rollout } = state;
  if (rollout === null || rollout.phase === 'waiting' || rollout.phase === 'opening') return null;
  const { size, requested, servingLimit, servingBefore } = rollout;
  const leftPlaces = Math.max(0, servingBefore - stayingOf(state, state.generation).length);
  return { size, requested, servingLimit, leftPlaces };
}

/** Its listener is there. */
export function fill(draft: Draft, listener: Listener | null): void {
  const { rollout } = draft.state;
  if (rollout === null) return;
  // Of another program's generation, none is ours to start.
  const servingLimit = isTaking(draft.state) ? 0 : null;
  draft.set({ rollout: { ...rollout, phase: 'filling', listener, servingLimit } });
  draft.report({ type: 'rolling', pool: draft.name, generation: rollout.generation });
}

/** What has been asked to take over does: the keeper does things in order, so clients come to it before what follows. */
export function cancelRollout(draft: Draft, reason: string): void {
  if (draft.state.rollout?.phase !== 'publishing') giveUp(draft, reason);
}

/** @param reason why no new generation takes over */
export function giveUp(draft: Draft, reason: string): void {
  const { rollout, listener, config, opening } = draft.state;
  if (rollout === null) return;
  // What is opened before it begins is the serving generation's.
  const number = rollout.listener?.number ?? (rollout.phase === 'opening' ? opening : null);
  draft.set({ rollout: null, lastRollout: { ok: false, reason } });
  if (rollout.phase === 'opening') draft.set({ opening: null });
  if (rollout.wish === null) draft.set({ noRolloutBeforeMs: draft.nowMs + AGAIN_MS });
  // It has the settings of the new generation: those of the serving one were possible before.
  if (number !== null && number === listener?.number) draft.act({ type: 'listen', number, config });
  else if (rollout.listener !== null) draft.act({ type: 'unlisten', number: rollout.listener.number });
  // When the pool is being stopped, no workers continue.
  if (isWanted(draft.state)) draft.report({ type: 'rollCancelled', pool: draft.name, reason });
}

function begin(draft: Draft, rollout: Rollout, limits: SharedLimits): void {
  const { state } = draft;
  const config = rollout.wish ?? state.config;
  const scaledTo = rollout.wish === null ? state.scaledTo : null;
  const servingBefore = stayingOf(state, state.generation).length;
  const size = rolloutSize(config, servingBefore, heldSize({ config, scaledTo, pausedAt: state.pausedAt }));
  // The serving generation may have changed while this one waited, and it is the newer one.
  const generation = state.lastGeneration + 1;
  const begun = { ...rollout, phase: 'opening', generation, config, scaledTo, servingBefore, size } as const;
  draft.set({ rollout: begun, lastGeneration: generation });
  if (config.listen.address.type === 'none') {
    fill(draft, null);
    return;
  }
  const number = isReplaced(state, config, hasRoomFor(limits, size))
    ? state.lastListener + 1
    : (state.listener?.number ?? state.lastListener + 1);
  draft.set({ opening: number, lastListener: Math.max(number, state.lastListener) });
  draft.act({ type: 'listen', number, config });
}

/** Whether the new generation gets a socket of its own. */
function isReplaced({ listener, config }: PoolState, next: PoolConfig, hasRoom: boolean): boolean {
  if (listener === null || listener.isForeign || listener.isLost) return true;
  return !isSameAddress(config.listen.address, next.listen.address) || (isOursToReplace(next) && hasRoom);
}

/** All of it is ready. Until its listener is public the serving generation stays as it is. */
function publish(draft: Draft, rollout: Rollout): void {
  const { listener: before } = draft.state;
  const { listener: next } = rollout;
  if (next === null || next.number === before?.number) {
    takeOver(draft);
    return;
  }
  draft.set({ rollout: { ...rollout, phase: 'publishing' } });
  // If we die in between, the next supervisor finds this and publishes it.
  draft.save();
  draft.act({ type: 'publish', number: next.number });
}

/** The state when the new generation serves. */
export function tookOver(state: PoolState, nowMs: number): PoolState {
  const { rollout, listener: before, config, generation, counters, draining } = state;
  if (rollout === null) return state;
  const { listener: next } = rollout;
  const isOther = before !== null && before.number !== next?.number;
  return {
    ...state,
    rollout: null,
    lastRollout: { ok: true },
    openFailure: null,
    obstacle: null,
    config: rollout.config,
    generation: rollout.generation,
    listener: next,
    scaledTo: rollout.scaledTo,
    hasBeenWhole: true,
    health: anew(state.health),
    counters: { ...counters, reloads: counters.reloads + 1 },
    draining: isOther ? [...draining, newDraining(generation, config, before, nowMs)] : draining,
  };
}

/** The new generation serves; the old one leaves (reconcile.ts sends away those that are not of it). */
export function takeOver(draft: Draft): void {
  const { rollout, listener: before, config } = draft.state;
  if (rollout === null) return;
  draft.set(tookOver(draft.state, draft.nowMs));
  draft.save();
  const isOther = before !== null && before.number !== rollout.listener?.number;
  if (isOther && !isSameAddress(config.listen.address, rollout.config.listen.address))
    draft.act({ type: 'refuse', number: before.number });
  draft.report({ type: 'rolled', pool: draft.name, generation: rollout.generation });
}

/** Where there is no room for two generations, workers are replaced one by one. */
function makeRoom(draft: Draft, rollout: Rollout, arrived: number, limits: SharedLimits): void {
  const { state } = draft;
  const staying = stayingOf(state, state.generation).length;
  // Workers on their way out make room, and workers on their way in may take it.
  const isAnyPassing = countOf(state) > staying + arrived;
  const isAsked = rollout.servingLimit !== null && staying > rollout.servingLimit;
  if (isAnyPassing || isAsked || staying === 0 || hasRoomFor(limits, 1)) return;
  draft.set({ rollout: { ...rollout, servingLimit: staying - 1 } });
}

/** Whether so many more workers may be started beside those that the pool calls for. */
export function hasRoomFor({ room, memoryShort }: SharedLimits, workers: number): boolean {
  return room >= workers && memoryShort === null;
}

/**
 * How many workers a new generation needs to take over: as many as serve now. An on-demand pool without any tries one.
 * @param staying workers that serve now; held: what `scale` or `pause` said
 */
export function rolloutSize({ pm }: PoolConfig, staying: number, held: number | null): number {
  if (held !== null) return Math.max(1, held);
  if (pm.mode === 'static') return pm.maxChildren;
  const least = pm.mode === 'dynamic' ? (pm.startServers ?? 1) : 1;
  return Math.min(pm.maxChildren, Math.max(least, staying));
}
