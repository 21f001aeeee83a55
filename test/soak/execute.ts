/** One operation done to the daemon, and what its command promised held against what is there when it returns. */
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { poolOf } from '../lib/status.ts';
import { type Ground, publicListeners } from './ground.ts';
import { describeOperation, type Operation } from './operations.ts';
import { concerns, type Done, isAlone, type PoolState, sizeOf } from './outcomes.ts';
import type { SoakPool } from './soak-pools.ts';

export interface Execution {
  readonly ground: Ground;
  /** What may be true of each pool before the burst. */
  readonly states: ReadonlyMap<string, ReadonlySet<PoolState>>;
  /** Of this burst; an operation enters when it begins. */
  readonly done: Done[];
  readonly complain: (what: string) => void;
}

let version = 0;

export async function execute(operation: Operation, execution: Execution): Promise<void> {
  const { ground, done, complain } = execution;
  const it: Done = {
    operation,
    beginMs: performance.now(),
    endMs: Number.POSITIVE_INFINITY,
    code: null,
    output: '',
    outcome: null,
    killed: null,
    before: ground.workers(),
  };
  done.push(it);
  const pools = ground.pools.filter(({ name }) => operation.pools.includes(name));
  try {
    await perform(it, pools, ground);
    for (const pool of pools) {
      if (it.code !== 0 || !isAlone(it, done)) break;
      const broken = await brokenPromise(it, pool, ground);
      // Something may have come meanwhile.
      if (broken !== null && isAlone(it, done))
        complain(`${describeOperation(operation)} said done, but of ${pool.name} ${broken}`);
    }
  } catch (error) {
    complain(error instanceof Error ? error.message : String(error));
  } finally {
    it.endMs = performance.now();
  }
  if (isAlone(it, done)) complainOfCode(it, execution);
}

async function perform(it: Done, pools: readonly SoakPool[], ground: Ground): Promise<void> {
  const { operation } = it;
  const run = async (...args: string[]): Promise<void> => {
    const { code, stdout, stderr } = await ground.cli(...args);
    it.code = code;
    it.output = `${stdout}${stderr}`.trim();
  };
  const [pool] = pools;
  const names = operation.pools;
  const reload = operation.luck < 0.5 ? ['reload'] : ['reload', '--changed'];
  switch (operation.kind) {
    case 'start':
      it.outcome = 'running';
      return run('start', ...names);
    case 'stop':
      it.outcome = 'stopped';
      return run('stop', ...names);
    case 'stop-now':
      it.outcome = 'stopped';
      return run('stop', '--now', ...names);
    case 'reload':
      return run('reload');
    case 'reload-pool':
      return run('reload', ...names);
    case 'reload-changed':
      if (pool !== undefined && ground.hasFile(pool)) ground.write(pool, pool.text(++version));
      return run('reload', '--changed');
    case 'scale':
      return run('scale', ...names, String(sizeOf(operation, pool?.most ?? 1)));
    case 'remove':
      if (pool === undefined) return;
      if (ground.hasFile(pool)) it.outcome = 'absent';
      ground.remove(pool);
      return run(...reload);
    case 'add':
      if (pool === undefined) return;
      if (!ground.hasFile(pool)) it.outcome = 'running';
      ground.write(pool, pool.text(++version));
      return run(...reload);
    case 'kill-worker': {
      const workers = (it.before.get(pool?.name ?? '') ?? []).toSorted((a, b) => a - b);
      it.killed = workers[Math.floor(operation.luck * workers.length)] ?? null;
      if (it.killed !== null) killNow(it.killed);
      return;
    }
    case 'kill-supervisor': {
      const victim = (await ground.instance.status(false))?.supervisor_pid ?? null;
      if (victim === null) return; // it is dead already
      killNow(victim);
      return ground.untilInCharge(victim);
    }
    case 'kill-keeper':
      await ground.instance.killKeeper();
      ground.instance.start();
      return ground.untilInCharge(0);
    case 'broken-file': {
      const file = join(ground.instance.poolsDir, 'broken.toml');
      writeFileSync(file, 'command = [\n');
      try {
        return await run('reload');
      } finally {
        rmSync(file);
      }
    }
    case 'bad-program':
      if (pool === undefined || !ground.hasFile(pool)) return;
      ground.write(pool, pool.badText());
      try {
        return await run('reload', ...names);
      } finally {
        ground.write(pool, pool.text(version));
      }
  }
}

function killNow(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

/** null: what was said is so. */
async function brokenPromise(it: Done, pool: SoakPool, ground: Ground): Promise<string | null> {
  const { kind } = it.operation;
  if (kind === 'start') {
    const what = await ground.load.ask(pool.name);
    return what === undefined ? null : `a request to it ended with ${what}`;
  }
  if (kind === 'stop' || kind === 'stop-now') {
    if (publicListeners(pool) > 0) return 'its socket is there';
    const left = ground.workers().get(pool.name) ?? [];
    return left.length === 0 ? null : `workers are left: ${left.join(', ')}`;
  }
  return kind === 'reload-pool' ? keptWorkers(it, pool.name, ground) : null;
}

/** Those of the newest generation that were there before; an older one may still finish what it has in hand. */
async function keptWorkers(it: Done, name: string, ground: Ground): Promise<string | null> {
  const status = await ground.instance.status(true);
  if (status === null || !status.pools.some(pool => pool.name === name)) return null; // told at rest
  const { processes } = poolOf(status, name);
  const newest = Math.max(...processes.map(({ generation }) => generation));
  const before = it.before.get(name) ?? [];
  const kept = processes.filter(({ generation, pid }) => generation === newest && before.includes(pid));
  return kept.length === 0
    ? null
    : `it has the workers that it had: ${kept.map(({ pid }) => pid).join(', ')}`;
}

/** Whether a command that nothing disturbed ended as it must on pools that are as they are. */
function complainOfCode(it: Done, { states, complain, done }: Execution): void {
  const { operation, code, output } = it;
  // What another operation of the burst has made of a pool before is judged at rest.
  const isTouched = (pool: string): boolean =>
    done.some(other => other !== it && other.beginMs <= it.endMs && concerns(other, pool));
  const known = operation.pools.map(pool => [...(isTouched(pool) ? [] : (states.get(pool) ?? []))]);
  const isKnown = known.length > 0 && known.every(({ length }) => length === 1);
  const are = (state: PoolState): boolean => isKnown && known.every(([it]) => it === state);
  const isAny = (state: PoolState): boolean => isKnown && known.some(([it]) => it === state);
  const wrong = (expected: string): void =>
    complain(
      `${describeOperation(operation)} ended with ${code}, expected ${expected}: ${output.slice(0, 400)}`,
    );
  const unknown = '66: the pool is not in the configuration';
  switch (operation.kind) {
    case 'start':
    case 'stop':
    case 'stop-now':
      if (isKnown && !isAny('absent') && code !== 0) wrong('0');
      if (isAny('absent') && code !== 66) wrong(unknown);
      return;
    case 'reload-pool':
    case 'scale':
      if (are('running') && code !== 0) wrong('0');
      if (isAny('stopped') && code === 0) wrong('a failure: the pool is stopped');
      if (are('absent') && code !== 66) wrong(unknown);
      return;
    case 'reload':
    case 'reload-changed':
    case 'remove':
    case 'add': {
      const maySayStopped = [...states.values()].some(it => !it.has('running') || it.size > 1);
      if (code !== 0 && !(maySayStopped && /stopped/.test(output))) wrong('0');
      return;
    }
    case 'broken-file':
      if (code !== 78) wrong('78: a file is broken');
      return;
    case 'bad-program':
      if (are('running') && code === 0) wrong('a failure: its program does not start');
      return;
    case 'kill-worker':
    case 'kill-supervisor':
    case 'kill-keeper':
      return;
  }
}
