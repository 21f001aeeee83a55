/** Which failed requests are accounted for by what was done to their pool; every other one is a failure of the soak. */
import type { JournalEntries } from '../lib/journal.ts';
import { unexplained } from '../lib/murder.ts';
import type { Done, PoolState } from './outcomes.ts';
import type { FailedRequest } from './soak-load.ts';
import type { SoakPool } from './soak-pools.ts';

/** From when to when requests to a pool may fail. */
interface Window {
  readonly pool: string;
  readonly fromMs: number;
  readonly toMs: number;
  /** `sent`: those that begin in it; `open`: those that are under way in it, too. */
  readonly concerns: 'sent' | 'open';
}

/** Of requests that nobody ever answers there is no excuse: somebody must refuse them. */
const NEVER = /^no answer in /;

/** A client's clock and a command's are the same; its request is on its way for a moment. */
const SLACK_MS = 30;
/** A worker that is killed takes what it had in hand with it at once. */
const KILL_MS = 2000;

export class Excuses {
  readonly #windows: Window[] = [];
  /** Pools that were taken away and are not back, since when. */
  readonly #down = new Map<string, number>();
  readonly #kills: { readonly pool: string; readonly pid: number; readonly atMs: number }[] = [];

  /** Notes what a burst allows, when what came of it is known. */
  note(pools: readonly SoakPool[], done: readonly Done[], after: ReadonlyMap<string, PoolState>): void {
    for (const { name } of pools) this.#noteDown(name, done, after.get(name) === 'running');
    for (const { operation, beginMs, endMs, killed } of done) {
      const { kind, pools: named } = operation;
      for (const pool of named) {
        if (killed !== null) this.#kills.push({ pool, pid: killed, atMs: beginMs });
        if (kind === 'stop-now') this.#windows.push({ pool, fromMs: beginMs, toMs: endMs, concerns: 'open' });
      }
      if (kind !== 'kill-keeper') continue;
      // Nobody else holds the listener of a pool that is at rest.
      for (const { name, mode } of pools)
        if (mode === 'ondemand')
          this.#windows.push({ pool: name, fromMs: beginMs, toMs: endMs, concerns: 'open' });
    }
  }

  /** From the first command that takes it away to the last that brings it back; what is in hand then is not cut. */
  #noteDown(pool: string, done: readonly Done[], isBack: boolean): void {
    const changes = done.filter(
      ({ operation, outcome }) => operation.pools.includes(pool) && outcome !== null,
    );
    const takesAway = changes.filter(({ outcome }) => outcome !== 'running').map(({ beginMs }) => beginMs);
    if (takesAway.length > 0 && !this.#down.has(pool)) this.#down.set(pool, Math.min(...takesAway));
    const fromMs = this.#down.get(pool);
    if (!isBack || fromMs === undefined) return;
    const brings = done.filter(it => changes.includes(it) || it.operation.kind === 'kill-keeper');
    const toMs = brings.length === 0 ? performance.now() : Math.max(...brings.map(({ endMs }) => endMs));
    this.#windows.push({ pool, fromMs, toMs, concerns: 'sent' });
    this.#down.delete(pool);
  }

  /** @returns a sentence for each that nothing accounts for */
  judge(failures: readonly FailedRequest[], journal: () => JournalEntries): string[] {
    const open = [...this.#down].map(
      ([pool, fromMs]): Window => ({ pool, fromMs, toMs: Number.POSITIVE_INFINITY, concerns: 'sent' }),
    );
    const windows = [...this.#windows, ...open];
    const left = failures.filter(failure => !windows.some(window => excuses(window, failure)));
    const near = left.filter(it => this.#kills.some(kill => isNear(kill, it)));
    const far = left.filter(it => !near.includes(it));
    const killed = this.#kills.filter(kill => near.some(it => isNear(kill, it))).map(({ pid }) => pid);
    const complaints = far.map(describe);
    if (near.length > 0) complaints.push(...unexplained(near, journal(), killed));
    return complaints;
  }
}

function isNear(kill: { readonly pool: string; readonly atMs: number }, it: FailedRequest): boolean {
  return kill.pool === it.pool && it.beginMs <= kill.atMs + KILL_MS && it.endMs >= kill.atMs - SLACK_MS;
}

function describe({ n, pool, beginMs, endMs, what }: FailedRequest): string {
  const at = (ms: number): string => `${(ms / 1000).toFixed(3)} s`;
  return `request ${n} to pool ${pool}, sent at ${at(beginMs)}, ended at ${at(endMs)} with ${what}`;
}

function excuses({ pool, fromMs, toMs, concerns: which }: Window, it: FailedRequest): boolean {
  if (it.pool !== pool || NEVER.test(it.what) || it.beginMs > toMs + SLACK_MS) return false;
  return (which === 'sent' ? it.beginMs : it.endMs) >= fromMs - SLACK_MS;
}
