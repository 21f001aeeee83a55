/** How many workers a pool should have: asks `decide` (scaling/), and starts or retires workers accordingly. */
import type { Draft } from './draft.ts';
import type { Observation, SharedLimits } from './observation.ts';
import { countOf, heldSize, isTaking, isWanted, type PoolState, presenceOf } from './pool-state.ts';
import { noSurplus, retireSurplus } from './retire.ts';
import { nextGeneration } from './rollout.ts';
import { type Action, claimOf, decide, type Snapshot } from './scaling/decide.ts';
import type { Sight } from './scaling/goal.ts';
import { neededFor, type Policy, policyOf } from './scaling/policy.ts';
import type { Claim } from './scaling/share.ts';
import { becauseOf, type Reason } from './scaling/why.ts';
import { spawn } from './worker-set.ts';

export function autoscale(
  draft: Draft,
  { load, accepted, isBehind }: Observation,
  limits: SharedLimits,
): void {
  const { state, nowMs } = draft;
  // Of another program's generation none is ours to start, and until the new one has a listener neither.
  const isOthers = isTaking(state) && nextGeneration(state) === null;
  if (!isWanted(state) || state.listening !== 'open' || isOthers || isBehind) return;
  const snapshot = snapshotOf(state, load, limits, nowMs);
  const policy = policyOf(state.config.pm, heldSize(state), state.pausedAt !== null);
  const { actions, memory, why } = decide(snapshot, policy, state.scaling);
  const heldBackBy = why.filter(({ code }) => HOLDS_BACK.has(code));
  if (memory.isAtMax && !state.scaling.isAtMax) reachMax(draft, snapshot, policy);
  draft.set({ scaling: memory, heldBackBy, isContent: actions.length === 0 && why.length === 0 });
  reportMemory(draft, heldBackBy, snapshot.memoryShort);
  explain(draft, actions, why, heldBackBy.length > 0);
  for (const action of actions) {
    if (action.type === 'retire') retireSurplus(draft, action.count, action.isDue, accepted);
    else spawn(draft, action.generation, action.count);
  }
  // One that is frozen may turn out to be busy, and is too many still then.
  const isSurplus = actions.some(({ type }) => type === 'retire') || draft.state.retiring.frozen.size > 0;
  if (!isSurplus) noSurplus(draft);
}

/** What the pool asks of `process.max`. */
export function claimFor(state: PoolState, load: Sight['load'], nowMs: number): Claim {
  const sight = sightOf(state, load, nowMs);
  const leaving = countOf(state) - sight.ready - sight.starting;
  const policy = policyOf(state.config.pm, heldSize(state), state.pausedAt !== null);
  return { ...claimOf(sight, policy, state.scaling), present: sight.ready + sight.starting, leaving };
}

/** Workers that are to be replaced are not counted on, and those that are frozen are about to leave. */
function sightOf(state: PoolState, load: Sight['load'], nowMs: number): Sight {
  const { ready, starting } = presenceOf(state);
  const { outgoing, frozen } = state.retiring;
  let lasting = ready - outgoing.size;
  for (const pid of frozen) if (isServing(state, pid) && !outgoing.has(pid)) lasting--;
  return { nowMs, ready: lasting, starting, load };
}

function isServing({ workers, generation }: PoolState, pid: number): boolean {
  const worker = workers.get(pid);
  return worker?.phase === 'ready' && worker.generation === generation;
}

function snapshotOf(state: PoolState, load: Sight['load'], limits: SharedLimits, nowMs: number): Snapshot {
  const next = nextGeneration(state);
  const { allowance, room, memoryShort } = limits;
  return {
    ...sightOf(state, load, nowMs),
    // Places that nobody uses are there for the new generation, which is no part of the pool's share.
    allowance: next === null ? allowance : Math.max(allowance, room),
    memoryShort,
    restart: state.health.restart,
    nextGeneration: next,
  };
}

/** Once an episode: from when it holds something back until there is enough again. */
function reportMemory(draft: Draft, heldBackBy: readonly Reason[], memoryShort: string | null): void {
  const isHeld = heldBackBy.some(({ code }) => code === 'memory-short');
  const { isMemoryShortReported } = draft.state;
  if (isHeld && !isMemoryShortReported)
    draft.report({ type: 'memoryShort', pool: draft.name, reason: memoryShort ?? '' });
  draft.set({ isMemoryShortReported: memoryShort !== null && (isMemoryShortReported || isHeld) });
}

function reachMax(draft: Draft, { load }: Snapshot, policy: Policy): void {
  const { counters } = draft.state;
  draft.set({ counters: { ...counters, max_children_reached: counters.max_children_reached + 1 } });
  const { maxChildren } = policy;
  const needed = load === null ? maxChildren : neededFor(load.accepted + load.waiting, policy);
  const spare = policy.mode === 'dynamic' ? policy.minSpare : 0;
  draft.report({ type: 'maxChildrenReached', pool: draft.name, maxChildren, needed, spare });
}

/** What changed something, and what kept something from changing. */
function explain(draft: Draft, actions: readonly Action[], why: readonly Reason[], isHeld: boolean): void {
  const reasons = why.map(becauseOf);
  for (const action of actions) draft.explain(describeAction(action), reasons);
  if (actions.length === 0 && isHeld) draft.explain('start nobody', reasons);
}

const HOLDS_BACK: ReadonlySet<Reason['code']> = new Set([
  'max-children',
  'spawn-rate',
  'process-max',
  'memory-short',
  'backing-off',
  'one-to-try',
]);

function describeAction(action: Action): string {
  const workers = action.count === 1 ? '1 worker' : `${action.count} workers`;
  if (action.type === 'retire') return `retire ${workers}`;
  return action.generation === 'next' ? `start ${workers} of a new generation` : `start ${workers}`;
}
