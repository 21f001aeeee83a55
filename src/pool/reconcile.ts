/**
 * One turn of a pool, pure: its state and what was seen come in, its next state and what is to be done go out. First
 * what has happened is taken (`absorb`); when all pools have done so it is known what is left for each of them, and then
 * what is wanted is done (`reconcile`).
 */
import type { Action } from './action.ts';
import { autoscale } from './autoscale.ts';
import { Draft } from './draft.ts';
import { moveDraining, newDraining } from './drain.ts';
import { anew } from './health.ts';
import type { Command, ExitSight, News, Observation, SharedLimits } from './observation.ts';
import {
  close,
  mayReplaceLost,
  obstruct,
  open,
  takeListened,
  takeListenFailed,
  takePublished,
  takePublishFailed,
  takeTaken,
  takeUnlistened,
} from './opening.ts';
import { isOursToClose } from './pool-listener.ts';
import { isEmpty, isWanted, type PoolState, presenceOf, sizeOf } from './pool-state.ts';
import { recycle } from './recycle.ts';
import { endLongRequests } from './request-limits.ts';
import { isFixed } from './rest.ts';
import { retryLeaving, takeChosen, takeThawed } from './retire.ts';
import { cancelRollout, moveRollout, requestRollout, takeOver } from './rollout.ts';
import { NEW_POOL } from './scaling/decide.ts';
import {
  moveWorkers,
  noticeHealth,
  sendAwayUnwanted,
  takeExited,
  takeGone,
  takeSpawned,
} from './worker-set.ts';

const UNSEEN_EXIT: ExitSight = { hasServed: false, memory: null, leftBehind: '' };

export interface Turn {
  readonly state: PoolState;
  readonly actions: readonly Action[];
}

/** Takes what has happened since the last turn. */
export function absorb(before: PoolState, seen: Observation): Turn {
  const draft = new Draft(before, seen.nowMs);
  for (const news of seen.news) take(draft, news, seen);
  draft.set({ isContent: false }); // until the next decision, which cannot be made blindly
  return { state: draft.state, actions: draft.actions };
}

/** @param limits what holds for all pools together */
export function reconcile(before: PoolState, seen: Observation, limits: SharedLimits): Turn {
  const draft = new Draft(before, seen.nowMs);
  heedDesire(draft);
  sendAwayUnwanted(draft);
  if (!seen.isBlind) {
    if (seen.queueFull !== null) draft.report({ type: 'queueFull', pool: draft.name, ...seen.queueFull });
    moveWorkers(draft, seen);
    noticeHealth(draft);
    endLongRequests(draft, seen.longRequests);
    recycle(draft, seen);
    autoscale(draft, seen, limits);
    const decided = draft.state;
    moveRollout(draft, limits);
    sendAwayUnwanted(draft); // those that the rollout has replaced
    retryLeaving(draft);
    moveDraining(draft, seen);
    // The decision was about what was before.
    if (draft.state !== decided) draft.set({ isContent: false });
  }
  close(draft);
  return { state: draft.state, actions: draft.actions };
}

function take(draft: Draft, news: News, seen: Observation): void {
  switch (news.type) {
    case 'start':
    case 'obstruct':
    case 'admit':
    case 'stop':
    case 'remove':
    case 'scale':
    case 'pause':
    case 'resume':
    case 'reconfigure':
    case 'rollout':
    case 'cancelRollout':
    case 'take':
      obey(draft, news);
      break;
    case 'listened':
      takeListened(draft, news.number, news.inode);
      break;
    case 'listenFailed':
      takeListenFailed(draft, news);
      break;
    case 'taken':
      takeTaken(draft, news);
      break;
    case 'published':
      takePublished(draft, news.number);
      break;
    case 'publishFailed':
      takePublishFailed(draft, news);
      break;
    case 'unlistened':
      takeUnlistened(draft, news.number);
      break;
    case 'spawned':
      takeSpawned(draft, news);
      break;
    case 'exited':
      takeExited(draft, news, seen.exits.get(news.pid) ?? UNSEEN_EXIT);
      break;
    case 'gone':
      takeGone(draft, news.pid);
      break;
    case 'knocked':
      break; // the observer's
    case 'chosen':
      takeChosen(draft, news);
      break;
    case 'thawed':
      takeThawed(draft, news);
      break;
  }
}

function obey(draft: Draft, command: Command): void {
  switch (command.type) {
    case 'start':
      begin(draft);
      draft.set({ isOnTrial: command.isOnTrial });
      break;
    case 'obstruct':
      obstruct(draft, command.reason);
      break;
    case 'admit':
      draft.set({ isOnTrial: false });
      break;
    case 'stop':
      draft.set({
        desired: draft.state.desired === 'removed' ? 'removed' : 'stopped',
        stopsNow: draft.state.stopsNow || command.now,
        pausedAt: null,
      });
      if (command.now) for (const pid of draft.state.workers.keys()) draft.leave(pid, 'kill', 'poolStopped');
      break;
    case 'remove':
      draft.set({ desired: 'removed' });
      break;
    case 'scale':
      draft.set({ scaledTo: command.size });
      draft.report({ type: 'scaled', pool: draft.name, size: command.size });
      break;
    case 'pause':
      pause(draft);
      break;
    case 'resume':
      resume(draft);
      break;
    case 'reconfigure':
      reconfigure(draft, command.config);
      break;
    case 'rollout':
      requestRollout(draft, command.config);
      break;
    case 'cancelRollout':
      if (draft.state.rollout?.wish !== null) cancelRollout(draft, command.reason);
      break;
    case 'take': {
      begin(draft);
      const { config, foreign } = command;
      const number = draft.state.lastListener + 1;
      draft.set({ config, listening: 'opening', opening: number, lastListener: number });
      draft.act({ type: 'take', number, config, foreign });
      break;
    }
  }
}

/** Wanted again: what was before does not count. */
function begin(draft: Draft): void {
  draft.set({
    desired: 'running',
    stopsNow: false,
    openFailure: null,
    obstacle: null,
    hasBeenWhole: false,
    health: anew(draft.state.health),
    scaling: NEW_POOL,
  });
}

/** As many as there are, but no fewer than it is to have without any load. */
function pause(draft: Draft): void {
  const { state } = draft;
  if (state.pausedAt !== null) return;
  const { ready, starting } = presenceOf(state);
  const size = sizeOf(state);
  const pausedAt = isFixed(state) ? size : Math.max(size, ready + starting);
  draft.set({ pausedAt });
  draft.report({ type: 'paused', pool: draft.name, size: pausedAt });
  draft.explain(`pause with ${pausedAt} ${pausedAt === 1 ? 'worker' : 'workers'}`, []);
}

function resume(draft: Draft): void {
  if (draft.state.pausedAt === null) return;
  draft.set({ pausedAt: null });
  draft.report({ type: 'resumed', pool: draft.name });
  draft.explain('resume', []);
}

function reconfigure(draft: Draft, config: PoolState['config']): void {
  const { rollout } = draft.state;
  draft.set({ config, scaledTo: null });
  // A generation that takes over by itself must not bring old settings back.
  if (rollout !== null) draft.set({ rollout: { ...rollout, config } });
}

/** Opens or gives up the listener, as the pool is wanted or not. */
function heedDesire(draft: Draft): void {
  const { state } = draft;
  if (isWanted(state)) {
    if (state.listening === 'no' && state.obstacle === null && isEmpty(state)) open(draft);
    if (mayReplaceLost(state, draft.nowMs)) requestRollout(draft, null);
    return;
  }
  if (state.rollout?.phase === 'publishing') {
    const before = state.listener;
    takeOver(draft);
    // Should the new one not have been published after all.
    if (before !== null) draft.act({ type: 'refuse', number: before.number });
  }
  cancelRollout(draft, 'the pool is being stopped');
  if (state.stopsNow && state.draining.some(({ isAbandoned }) => !isAbandoned))
    draft.set({ draining: draft.state.draining.map(it => ({ ...it, isAbandoned: true })) });
  const { listener, config, listening } = draft.state;
  if (listening !== 'open' || listener === null || !(listener.isForeign || isOursToClose(config))) return;
  draft.save();
  draft.set({ listener: null });
  if (listener.isForeign) {
    draft.act({ type: 'unlisten', number: listener.number }); // its program continues with it
    return;
  }
  draft.act({ type: 'refuse', number: listener.number });
  const { generation, draining, stopsNow } = draft.state;
  const drained = { ...newDraining(generation, config, listener, draft.nowMs), isAbandoned: stopsNow };
  draft.set({ draining: [...draining, drained] });
}
