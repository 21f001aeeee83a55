/** What can be seen when workers end: whether they have served, what killed them, what they leave behind. */
import type { Exit } from '../../keeper/protocol.ts';
import { describeOom, isOutOfMemoryRuledOut, type OomCounters } from '../../observe/out-of-memory.ts';
import { nameHolders } from '../../observe/strangers.ts';
import type { Kernel } from '../../worker/kernel.ts';
import type { Worker } from '../../worker/worker.ts';
import type { ExitSight, News } from '../observation.ts';
import type { PoolState } from '../pool-state.ts';

/** Going into the background is what a program does first. */
const SOON_MS = 5000;
/**
 * A worker that ends itself after twenty requests lives shorter than the time between two looks: what was seen so long
 * before its start counts for it, too.
 */
const MOVED_BEFORE_MS = 1000;
/** A look at all processes of the machine. */
const LEFT_BEHIND_EVERY_MS = 1000;

type Ended = Pick<Worker, 'pid' | 'startedAtMs' | 'listenerInode' | 'startedWith' | 'reason' | 'wasReady'>;

const NO_EXITS: ReadonlyMap<number, ExitSight> = new Map();

export class ExitLook {
  readonly #kernel: Kernel;
  #oom: OomCounters;
  #lastLeft: { readonly inode: number; readonly atMs: number; readonly text: string } | null = null;

  constructor(kernel: Kernel) {
    this.#kernel = kernel;
    this.#oom = kernel.readOomCounters();
  }

  /**
   * @param movedAtMs when a connection of the pool was last seen to have been accepted or to have ended
   * @returns by pid, of those that end in these news
   */
  look(
    state: PoolState,
    news: readonly News[],
    movedAtMs: number,
    nowMs: number,
  ): ReadonlyMap<number, ExitSight> {
    const exits = news.filter(it => it.type === 'exited');
    if (exits.length === 0) return NO_EXITS;
    const staying = new Set(state.workers.keys());
    for (const { pid } of exits) staying.delete(pid);
    const sights = new Map<number, ExitSight>();
    for (const { pid, exit } of exits) {
      const worker = state.workers.get(pid) ?? justSpawned(news, pid);
      if (worker !== null) sights.set(pid, this.#lookAt(state, worker, exit, staying, movedAtMs, nowMs));
    }
    return sights;
  }

  #lookAt(
    { listener, recycledAtMs }: PoolState,
    worker: Ended,
    { code, signal }: Exit,
    staying: ReadonlySet<number>,
    movedAtMs: number,
    nowMs: number,
  ): ExitSight {
    const { listenerInode, startedAtMs, wasReady } = worker;
    const isOnServing = listenerInode !== null && listenerInode === listener?.inode;
    const hasMoved = isOnServing && movedAtMs >= startedAtMs - MOVED_BEFORE_MS;
    // A look costs much, and a command whose workers have served and ended before does not go into the background.
    const hasRecycled = Number.isFinite(recycledAtMs);
    const mayHaveLeft = code === 0 && !hasMoved && !hasRecycled && nowMs - startedAtMs <= SOON_MS;
    const left = mayHaveLeft ? this.#leftBehind(worker, staying, nowMs) : '';
    return {
      // A worker that waited in accept does not end by itself unless a client came, however short the request was.
      hasServed: code === 0 && (hasMoved || (isOnServing && wasReady && left === '')),
      memory: signal === 'SIGKILL' && worker.reason === null ? this.#lookAtKills() : null,
      leftBehind: left,
    };
  }

  /** Processes that have the listener of a worker that ended, and are no workers; of all that end within a second. */
  #leftBehind(
    { listenerInode: inode, startedWith }: Ended,
    workers: ReadonlySet<number>,
    nowMs: number,
  ): string {
    // One of the service manager's is held by whatever opened it, and should be.
    if (inode === null || startedWith?.listen.address.type === 'systemd') return '';
    const last = this.#lastLeft;
    if (last?.inode === inode && nowMs - last.atMs < LEFT_BEHIND_EVERY_MS) return last.text;
    const text = nameHolders(this.#kernel.holdersOf(new Set([inode]), workers));
    this.#lastLeft = { inode, atMs: nowMs, text };
    return text;
  }

  /** Whether a SIGKILL that was not ours may have been the kernel's, for memory. */
  #lookAtKills(): NonNullable<ExitSight['memory']> {
    const before = this.#oom;
    this.#oom = this.#kernel.readOomCounters();
    return { text: describeOom(before, this.#oom), isRuledOut: isOutOfMemoryRuledOut(before, this.#oom) };
  }
}

/** One that was started since the last turn, and has ended already. */
function justSpawned(news: readonly News[], pid: number): Ended | null {
  for (const it of news) {
    if (it.type !== 'spawned' || !it.pids.includes(pid)) continue;
    const { askedAtMs: startedAtMs, listenerInode, config: startedWith } = it;
    return { pid, startedAtMs, listenerInode, startedWith, reason: null, wasReady: false };
  }
  return null;
}
