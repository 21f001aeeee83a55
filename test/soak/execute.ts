/** One operation done to the daemon, and what its command promised held against what is there when it returns. */
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { poolOf } from '../lib/status.ts';
import { type Ground, publicListeners } from './ground.ts';
import type { Operation } from './operations.ts';
import { type Done, isAlone, type PoolState, sizeOf } from './outcomes.ts';
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
  const pool = ground.pools.find(({ name }) => name === operation.pool);
  try {
    await perform(it, pool, ground);
    if (pool !== undefined && it.code === 0 && isAlone(it, done)) {
      const broken = await brokenPromise(it, pool, ground);
      // Something may have come meanwhile.
      if (broken !== null && isAlone(it, done))
        complain(`${operation.kind} ${pool.name} said done, but ${broken}`);
    }
  } catch (error) {
    complain(error instanceof Error ? error.message : String(error));
  } finally {
    it.endMs = performance.now();
  }
  if (isAlone(it, done)) complainOfCode(it, execution);
}

async function perform(it: Done, pool: SoakPool | undefined, ground: Ground): Promise<void> {
  const { operation } = it;
  const run = async (...args: string[]): Promise<void> => {
    const { code, stdout, stderr } = await ground.cli(...args);
    it.code = code;
    it.output = `${stdout}${stderr}`.trim();
  };
  const name = pool?.name ?? '';
  const reload = operation.luck < 0.5 ? ['reload'] : ['reload', '--changed'];
  switch (operation.kind) {
    case 'start':
      it.outcome = 'running';
      return run('start', name);
    case 'stop':
      it.outcome = 'stopped';
      return run('stop', name);
    case 'stop-now':
      it.outcome = 'stopped';
      return run('stop', '--now', name);
    case 'reload':
      return run('reload');
    case 'reload-pool':
      return run('reload', name);
    case 'reload-changed':
      if (pool !== undefined && ground.hasFile(pool)) ground.write(pool, pool.text(++version));
      return run('reload', '--changed');
    case 'scale':
      return run('scale', name, String(sizeOf(operation, pool?.most ?? 1)));
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
      const workers = (it.before.get(name) ?? []).toSorted((a, b) => a - b);
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
        return await run('reload', name);
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

/** Whether a command that nothing disturbed ended as it must on a pool that is as it is. */
function complainOfCode(it: Done, { states, complain, done }: Execution): void {
  const { operation, code, output } = it;
  const known = operation.pool === null ? new Set<PoolState>() : states.get(operation.pool);
  // What another operation of the burst has made of the pool before is judged at rest.
  const isKnown =
    known?.size === 1 &&
    done.every(other => other === it || other.operation.pool !== operation.pool || other.beginMs > it.endMs);
  const [state] = known ?? [];
  const wrong = (expected: string): void =>
    complain(
      `${operation.kind} ${operation.pool ?? ''} ended with ${code}, expected ${expected}: ${output.slice(0, 400)}`,
    );
  switch (operation.kind) {
    case 'start':
    case 'stop':
    case 'stop-now':
      if (isKnown && state !== 'absent' && code !== 0) wrong('0');
      if (isKnown && state === 'absent' && code !== 66) wrong('66: the pool is not in the configuration');
      return;
    case 'reload-pool':
    case 'scale':
      if (isKnown && state === 'running' && code !== 0) wrong('0');
      if (isKnown && state === 'stopped' && code === 0) wrong('a failure: the pool is stopped');
      if (isKnown && state === 'absent' && code !== 66) wrong('66: the pool is not in the configuration');
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
      if (isKnown && state === 'running' && code === 0) wrong('a failure: its program does not start');
      return;
    case 'kill-worker':
    case 'kill-supervisor':
    case 'kill-keeper':
      return;
  }
}
