/** What must hold when nothing is under way: each wanted pool has one listener and its size, any other has nothing. */
import { readdirSync } from 'node:fs';
import { childrenOf, describe, readStat } from '../lib/processes.ts';
import type { PoolStatus, Status } from '../lib/status.ts';
import { type Ground, publicListeners, unixListeners } from './ground.ts';
import type { Kind } from './operations.ts';
import type { Done, PoolState, Size } from './outcomes.ts';
import type { SoakPool } from './soak-pools.ts';

export interface Expected {
  readonly states: ReadonlyMap<string, ReadonlySet<PoolState>>;
  readonly sizes: ReadonlyMap<string, ReadonlySet<Size>>;
  /** Of the burst that was just over. */
  readonly done: readonly Done[];
}

export interface Rest {
  readonly states: ReadonlyMap<string, PoolState>;
  readonly totals: ReadonlyMap<string, number>;
  readonly status: Status | null;
  /** Sentences about what is not as it must be, by now. */
  readonly complaints: readonly string[];
}

export async function lookAtRest(ground: Ground, expected: Expected): Promise<Rest> {
  const status = await ground.instance.status(true);
  const states = new Map<string, PoolState>();
  const totals = new Map<string, number>();
  if (status === null)
    return { states, totals, status, complaints: ['nobody answers on the control socket'] };
  const complaints: string[] = [];
  if (status.state !== 'running') complaints.push(`the daemon is ${status.state}: ${status.reason}`);
  const workers = ground.workers();
  for (const pool of ground.pools) {
    const seen = status.pools.find(({ name }) => name === pool.name);
    const state = stateOf(seen);
    const complain = (what: string): void => void complaints.push(`pool ${pool.name} ${what}`);
    if (state === null) {
      complain(`is ${seen?.state}: ${seen?.reason}`);
      continue;
    }
    states.set(pool.name, state);
    totals.set(pool.name, seen?.workers.total ?? 0);
    const allowed = expected.states.get(pool.name) ?? new Set();
    if (!allowed.has(state)) complain(`is ${state}, and must be ${[...allowed].join(' or ')}`);
    const own = workers.get(pool.name) ?? [];
    if (state === 'running' && seen !== undefined) {
      const sizes = expected.sizes.get(pool.name) ?? new Set();
      for (const what of ofRunning(pool, seen, own, sizes)) complain(what);
    } else {
      if (own.length > 0) complain(`is ${state} and has workers: ${own.join(', ')}`);
      if (publicListeners(pool) > 0) complain(`is ${state} and has a listener`);
    }
  }
  complaints.push(...strangers(ground, status), ...sockets(ground, states), ...kept(expected.done, workers));
  return { states, totals, status, complaints };
}

/** null: something between. */
function stateOf(seen: PoolStatus | undefined): PoolState | null {
  if (seen === undefined) return 'absent';
  return seen.state === 'running' || seen.state === 'stopped' ? seen.state : null;
}

function ofRunning(
  pool: SoakPool,
  { workers, processes }: PoolStatus,
  own: readonly number[],
  sizes: ReadonlySet<Size>,
): string[] {
  const complaints: string[] = [];
  const listeners = publicListeners(pool);
  if (listeners !== 1) complaints.push(`is running and has ${listeners} listeners`);
  if (![...sizes].some(size => isSize(pool, workers.total, size)))
    complaints.push(
      `has ${workers.total} workers, and must have ${[...sizes].map(size => sizeText(pool, size)).join(' or ')}`,
    );
  // The load wakes on-demand pools at any moment, and lets them come to rest again.
  const leaving = processes.filter(
    ({ state }) => pool.mode !== 'ondemand' && (state === 'stopping' || state === 'starting'),
  );
  if (leaving.length > 0)
    complaints.push(`has workers that come or leave: ${leaving.map(({ pid }) => pid).join(', ')}`);
  const listed = processes.map(({ pid }) => pid);
  const unlisted = own.filter(pid => !listed.includes(pid));
  if (unlisted.length > 0) complaints.push(`has workers that status does not know: ${unlisted.join(', ')}`);
  const gone = listed.filter(pid => !own.includes(pid) && (readStat(pid)?.state ?? 'Z') === 'Z');
  if (gone.length > 0) complaints.push(`has workers in status that are gone: ${gone.join(', ')}`);
  return complaints;
}

function isSize({ least, most }: SoakPool, total: number, size: Size): boolean {
  return size === null ? total >= least && total <= most : total === size;
}

function sizeText({ least, most }: SoakPool, size: Size): string {
  if (size !== null) return `${size}, as scaled`;
  return least === most ? `${most}` : `${least} to ${most}`;
}

/** Children of the keeper that are neither workers nor its supervisor. */
function strangers(ground: Ground, { pid, supervisor_pid, pools }: Status): string[] {
  const known = new Set([supervisor_pid, ...pools.flatMap(pool => pool.processes.map(it => it.pid))]);
  return childrenOf(pid)
    .filter(child => !known.has(child) && (readStat(child)?.state ?? 'Z') !== 'Z')
    .map(child => `the keeper has a child that is no worker: ${child} (${describe(child)})`)
    .concat(ground.instance.hasEnded ? ['the keeper has ended'] : []);
}

/** Socket files that belong to nothing, and listeners that nobody reaches. */
function sockets({ instance, pools }: Ground, states: ReadonlyMap<string, PoolState>): string[] {
  const wanted = pools.flatMap(({ name, path }) =>
    path !== null && states.get(name) === 'running' ? [path] : [],
  );
  const files = readdirSync(instance.runDir, { withFileTypes: true })
    .filter(entry => entry.isSocket() && entry.name !== 'control.sock')
    .map(({ name }) => `${instance.runDir}/${name}`)
    .filter(path => !wanted.includes(path));
  const listening = unixListeners(instance.runDir);
  const complaints = files.map(path => `${path} is left behind`);
  if (listening.length !== wanted.length + 1)
    complaints.push(
      `${listening.length} listening sockets for the control socket and ${wanted.length} pools: ${listening.join(', ')}`,
    );
  return complaints;
}

/** Their pools, or all, get new workers; a pool whose file was changed with `--changed`, too. */
const REPLACES: readonly Kind[] = ['reload', 'reload-pool', 'reload-changed'];

/** Workers that a reload replaced, as it said, and that are there all the same. */
function kept(done: readonly Done[], workers: ReadonlyMap<string, readonly number[]>): string[] {
  return done
    .filter(({ operation, code }) => code === 0 && REPLACES.includes(operation.kind))
    .flatMap(({ operation, before }) =>
      [...before]
        .filter(([name]) => operation.pools.length === 0 || operation.pools.includes(name))
        .flatMap(([name, pids]) =>
          pids
            .filter(pid => workers.get(name)?.includes(pid))
            .map(pid => `${operation.kind} said done, and worker ${pid} of pool ${name} is there as before`),
        ),
    );
}
