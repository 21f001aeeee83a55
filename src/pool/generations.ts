/** The generations of a pool: the one that serves, and those that are emptied because another one has taken over. */
import type { PoolConfig } from '../config/types.ts';
import type { ListenerState } from '../keeper/protocol.ts';
import type { LeaveReason } from '../observe/events.ts';
import type { ListenerLoad, Watched } from '../observe/sockets.ts';
import type { WorkerHandle } from '../worker/worker-handle.ts';
import type { Crew, PoolPorts } from './crew.ts';
import type { Generation } from './generation.ts';
import { OldGeneration } from './old-generation.ts';
import {
  type ForeignSocket,
  isOursToClose,
  isOursToReplace,
  isSameAddress,
  PoolListener,
} from './pool-listener.ts';
import type { Retirement } from './retirement.ts';

/** What the kernel said, by the inodes of listeners. */
export type Looks = ReadonlyMap<number, ListenerLoad>;

export class Generations {
  serving: Generation;
  /** Those whose listener gets nothing new any more. */
  #old: OldGeneration[] = [];
  readonly #crew: Crew;
  readonly #retirement: Retirement;
  readonly #ports: PoolPorts;

  constructor(config: PoolConfig, crew: Crew, retirement: Retirement, ports: PoolPorts) {
    this.serving = { number: 1, config, listener: null };
    this.#crew = crew;
    this.#retirement = retirement;
    this.#ports = ports;
  }

  /** Nothing is left of those that no longer serve, as far as it has a listener of its own. */
  get isSingle(): boolean {
    return this.#old.length === 0;
  }

  get listeners(): PoolListener[] {
    return [this.serving.listener, ...this.#old.map(it => it.listener)].filter(it => it !== null);
  }

  /** What the next look at the kernel's tables should tell about. */
  watched(withConnections: boolean): Watched[] {
    return this.listeners.map(({ inode }) => ({ inode, withConnections }));
  }

  /** The accepted connections of all listeners; null: there is none, or one was not looked at for them. */
  accepted(looks: Looks): ReadonlySet<number> | null {
    const [one = null, ...others] = this.listeners.map(({ inode }) => looks.get(inode)?.accepted ?? null);
    if (others.length === 0 || one === null) return one;
    const all = new Set(one);
    for (const accepted of others) {
      if (accepted === null) return null;
      for (const inode of accepted) all.add(inode);
    }
    return all;
  }

  /** Opens the listener of the serving generation. @throws {KeeperError} when the address cannot be had */
  async open(): Promise<void> {
    const { number, config } = this.serving;
    const listener = await PoolListener.open(this.#ports.keeper, config, number);
    listener?.publish(); // beside one that is on its way out it would stay hidden
    this.serving = { number, config, listener };
  }

  /** The serving generation is another program's, until a roll takes over from it. @throws {KeeperError} */
  async take(config: PoolConfig, foreign: ForeignSocket): Promise<void> {
    const number = this.serving.number + 1;
    const listener = await PoolListener.take(this.#ports.keeper, config, number, foreign);
    this.serving = { number, config, listener };
  }

  /**
   * After the death of a supervisor or a keeper: what it had begun is finished or sent away. A socket that is lost
   * to us is emptied by the workers that have it, beside a new one that takes its place; where that cannot be had, they
   * go on.
   * @returns why the address cannot be had; null: it is
   */
  async restore(
    number: number,
    listenerNumber: number,
    isWanted: boolean,
    held: readonly ListenerState[],
  ): Promise<Error | null> {
    const { keeper, now } = this.#ports;
    const { config } = this.serving;
    const known = held.map(it => PoolListener.held(keeper, it));
    const left = known.find(it => it.number === listenerNumber) ?? null;
    const wanted = left?.isLost === true ? numberAfter(listenerNumber, known) : listenerNumber;
    let listener = left;
    let failure: Error | null = null;
    try {
      if (isWanted) listener = await PoolListener.open(keeper, config, wanted);
    } catch (error) {
      failure = error instanceof Error ? error : new Error(String(error));
    }
    const serving = listener?.number ?? listenerNumber;
    this.serving = { number: serving === listenerNumber ? number : number + 1, config, listener };
    if (isWanted && listener?.isLost === false) listener.publish();
    for (const [place, other] of known.entries()) {
      if (other.number > serving) void other.close();
      else if (other.number < serving) {
        // Another address was given up, or should have been when the new one took over.
        if (!isSameAddress(held[place]?.spec.address, config.listen.address)) other.refuse();
        this.#old.push(new OldGeneration({ number: 0, config, listener: other }, other, now()));
      }
    }
    return failure;
  }

  /**
   * A socket of its own for a new generation, where it can be had and there is room for both.
   * @throws {KeeperError} when the address cannot be had
   */
  async listenerFor(config: PoolConfig, hasRoom: boolean): Promise<PoolListener | null> {
    const { listener, number, config: before } = this.serving;
    const isReplaced =
      listener?.isForeign === true ||
      !isSameAddress(before.listen.address, config.listen.address) ||
      (isOursToReplace(config) && hasRoom);
    if (listener === null || isReplaced) {
      const next = Math.max(number, listener?.number ?? 0) + 1;
      return await PoolListener.open(this.#ports.keeper, config, next);
    }
    await listener.adjust(config);
    return listener;
  }

  /** The new generation serves; the old one leaves. @param save leaves with the keeper which one serves */
  takeOver(next: Generation, save: () => void): void {
    const before = this.serving;
    this.serving = next;
    // Whoever comes after us and finds this publishes it, should we die in between.
    save();
    if (before.listener !== null && before.listener !== next.listener) {
      next.listener?.publish();
      if (!isSameAddress(before.config.listen.address, next.config.listen.address)) before.listener.refuse();
      this.#old.push(new OldGeneration(before, before.listener, this.#ports.now()));
    }
    this.sendAway(worker => worker.generation < next.number, 'replaced');
  }

  /** A generation that was to serve does not. */
  dismiss(next: Generation): void {
    const isShared = next.listener === this.serving.listener;
    this.cancel(worker => worker.generation === next.number, next.config);
    if (!isShared) void next.listener?.close();
    else this.serving.listener?.adjust(this.serving.config).catch(() => {}); // it was possible before
  }

  /** Workers that were to serve do not. */
  cancel(which: (worker: WorkerHandle) => boolean, config: PoolConfig): void {
    for (const worker of this.#crew.workers.values()) {
      if (!which(worker) || !worker.isStaying) continue;
      // Nobody could come to a listener of its own that was not published.
      const isShared = worker.listenerInode === (this.serving.listener?.inode ?? null);
      if (isShared) this.#retirement.leave(worker, 'cancelled', config, false);
      else this.#crew.happen(worker, { type: 'stop', reason: 'cancelled' }, config);
    }
  }

  /** Nobody serves any more: what waits is served still, unless it is to end now. */
  end(now: boolean): void {
    const { listener, config } = this.serving;
    if (listener?.isForeign === true) {
      void listener.close();
      this.serving = { ...this.serving, listener: null };
    } else if (listener !== null && isOursToClose(config)) {
      listener.refuse();
      this.#old.push(new OldGeneration(this.serving, listener, this.#ports.now()));
      this.serving = { ...this.serving, listener: null };
    }
    if (!now) this.sendAway(() => true, 'poolStopped');
    else {
      for (const old of this.#old) old.abandon();
      for (const worker of this.#crew.workers.values())
        this.#crew.happen(worker, { type: 'kill', reason: 'poolStopped' }, config);
    }
  }

  /** After the end: a listener that is not ours to close is given back. */
  async close(): Promise<void> {
    await this.serving.listener?.close();
    this.serving = { ...this.serving, listener: null };
  }

  /** Whoever is meant leaves as soon as it may. */
  sendAway(which: (worker: WorkerHandle) => boolean, reason: LeaveReason): void {
    for (const worker of this.#crew.workers.values()) {
      if (!which(worker) || !worker.isStaying) continue;
      this.#retirement.leave(worker, reason, this.serving.config, this.#isClosing(worker.listenerInode));
    }
  }

  turn(looks: Looks): void {
    this.#retirement.turn(this.serving.config, inode => this.#isClosing(inode));
    const { now, wake } = this.#ports;
    const { config } = this.serving;
    for (const old of this.#old)
      old.turn(looks.get(old.listener.inode) ?? null, this.#crew, config, now(), wake);
    this.#old = this.#old.filter(it => !it.isGone);
  }

  #isClosing(listenerInode: number | null): boolean {
    return this.#old.some(old => old.listener.inode === listenerInode);
  }
}

/** Of the listener that replaces a lost one: an earlier supervisor may have opened it already. */
function numberAfter(lost: number, known: readonly PoolListener[]): number {
  const replacement = known.find(it => it.number > lost && !it.isLost);
  return replacement?.number ?? Math.max(lost, ...known.map(it => it.number)) + 1;
}
