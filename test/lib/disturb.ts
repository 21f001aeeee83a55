/** What is done to a pool in a storm. Each returns what is wrong with what it saw; nothing, when all was as promised. */
import { setTimeout as delay } from 'node:timers/promises';
import type { Daemon } from './daemon.ts';
import { readStat } from './processes.ts';
import { type PoolStatus, poolOf, type Status } from './status.ts';

const LOOK_EVERY_MS = 100;

export type Disturbance = () => Promise<readonly string[]>;

/** A process as such, also where pids come round again. */
function identity(pid: number): string {
  return `${pid}/${readStat(pid)?.startTicks ?? 'gone'}`;
}

/** The newest generation, without those who leave it. */
function newest({ processes }: PoolStatus): { readonly generation: number; readonly workers: string[] } {
  const generation = Math.max(...processes.map(it => it.generation));
  const staying = processes.filter(it => it.generation === generation && it.state !== 'stopping');
  return { generation, workers: staying.map(it => identity(it.pid)) };
}

async function run(daemon: Daemon, ...command: string[]): Promise<string[]> {
  const { code, stderr } = await daemon.cli(...command);
  return code === 0 ? [] : [`${command.join(' ')}: exit code ${code}: ${stderr.trim()}`];
}

/** Reloads: each must end well with a new generation of the pool's size, and nobody in it who was there before. */
export function reload(daemon: Daemon, pool: string): Disturbance {
  const known = new Set<string>();
  let last = 0;
  const look = async (): Promise<PoolStatus> => poolOf(await daemon.status(), pool);
  return async () => {
    if (known.size === 0) {
      const before = newest(await look());
      last = before.generation;
      for (const each of before.workers) known.add(each);
    }
    const complaints = await run(daemon, 'reload');
    if (complaints.length > 0) return complaints;
    const seen = await look();
    const { generation, workers } = newest(seen);
    const size = seen.pm.max_children;
    if (generation <= last) complaints.push(`a reload ended with generation ${generation} after ${last}`);
    if (workers.length !== size) complaints.push(`a reload ended with ${workers.length} of ${size} workers`);
    const old = workers.filter(each => known.has(each));
    if (old.length > 0) complaints.push(`a reload kept ${old.join(', ')}`);
    for (const each of workers) known.add(each);
    last = generation;
    return complaints;
  };
}

/** Scales to each of `sizes` in turn, and waits until the pool has it. */
export function scale(daemon: Daemon, pool: string, sizes: readonly number[]): Disturbance {
  let turn = 0;
  return async () => {
    const size = sizes[turn++ % sizes.length] ?? 1;
    const complaints = await run(daemon, 'scale', '--force', pool, String(size));
    await daemon.statusWhen(`${size} workers`, it => poolOf(it, pool).workers.total === size);
    return complaints;
  };
}

/** Stops the pool and starts it again; its listener must be somebody else's, so that clients can wait there. */
export function stopAndStart(daemon: Daemon, pool: string): Disturbance {
  return async () => [...(await run(daemon, 'stop', pool)), ...(await run(daemon, 'start', pool))];
}

/** Stops the daemon, which whoever holds its listeners starts again at once, and waits until it runs. */
export function restart(daemon: Daemon): Disturbance {
  return async () => {
    const { pid } = await daemon.status();
    const complaints = await run(daemon, 'stop');
    const isBack = (it: Status): boolean =>
      it.pid !== pid && it.pools.every(pool => pool.state === 'running');
    await daemon.statusWhen('the next daemon', isBack);
    return complaints;
  };
}

/** Kills the keeper, and starts another one, which must go on with the same workers. */
export function killKeeper(daemon: Daemon, pool: string): Disturbance {
  const look = async (): Promise<string[]> =>
    poolOf(await daemon.status(), pool)
      .processes.map(({ pid, adopted }) => `${identity(pid)}${adopted ? ' adopted' : ''}`)
      .sort();
  return async () => {
    const before = await look();
    await daemon.crash();
    await daemon.startAgain();
    const after = await look();
    const wanted = before.map(each => (each.endsWith(' adopted') ? each : `${each} adopted`));
    return JSON.stringify(after) === JSON.stringify(wanted)
      ? []
      : [`before the keeper was killed there were ${before.join(', ')}; after it ${after.join(', ')}`];
  };
}

/** The same where the kernel does not let it have the listener: a new generation must take over, with all-new workers. */
export function killKeeperInTheDark(daemon: Daemon, pool: string): Disturbance {
  return async () => {
    const before = newest(poolOf(await daemon.status(), pool));
    await daemon.crash();
    await daemon.startAgain();
    const seen = await daemon.statusWhen('the old generation to be gone', status =>
      poolOf(status, pool).processes.every(({ generation }) => generation > before.generation),
    );
    const adopted = poolOf(seen, pool).processes.filter(it => it.adopted);
    return adopted.map(({ pid }) => `worker ${pid} of the old generation still serves`);
  };
}

/** For workers that leave by themselves: nothing is done to them. */
export async function look(): Promise<readonly string[]> {
  await delay(LOOK_EVERY_MS);
  return [];
}
