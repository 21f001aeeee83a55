/**
 * What the kernel and the programs do in the model: listening sockets with their queues, workers that accept, serve and
 * end, and clients. It is as truthful as the supervisor can see, and it notes what must never happen.
 */
import type { BindAddress, Exit, Tag, WorkerSpec } from '../../../../src/keeper/protocol.ts';
import type { FakeClock } from './fake-clock.ts';
import {
  type Client,
  type FakeWorker,
  HEALTHY,
  type Program,
  type Socket,
  type WorldEvent,
} from './things.ts';

/** process_control_timeout of every pool in the model. */
export const CONTROL_TIMEOUT_MS = 3000;
/** What the supervisor knows is as old as messages are under way. */
const SLACK_MS = 200;
/** The environment variable by which a configuration says that its program finishes its request when it is told. */
export const GRACEFUL = 'MODEL_GRACEFUL';

/** Of a worker of an earlier keeper. */
export const EXIT_UNKNOWN: Exit = { code: null, signal: null };

/** Beyond any pid of Linux, so that nothing of the machine is meant by it. */
const FIRST_PID = 10_000_000;

export class World {
  readonly clock: FakeClock;
  readonly sockets = new Set<Socket>();
  readonly workers = new Map<number, FakeWorker>();
  readonly programs = new Map<string, Program>();
  /** What must not happen, and has. */
  readonly violations: string[] = [];
  /** When requests of a pool could last be lost by right: it was stopped at once, or given up. */
  readonly forcedAtMs = new Map<string, number>();
  /** How many workers of each pool there have been. */
  readonly spawned = new Map<string, number>();
  /** When something of a pool last failed. */
  readonly troubleAtMs = new Map<string, number>();
  report: (event: WorldEvent) => void = () => {};
  #lastNumber = 0;
  #lastPid = FIRST_PID;

  constructor(clock: FakeClock) {
    this.clock = clock;
  }

  number(): number {
    return ++this.#lastNumber;
  }

  open(pool: string, address: BindAddress, isPublic: boolean): Socket {
    const inode = this.number();
    const socket: Socket = {
      inode,
      pool,
      address,
      queue: [],
      accepted: new Map(),
      isPublic,
      replacedAtMs: null,
      isHeldByKeeper: true,
      isLost: false,
      isOpen: true,
    };
    this.sockets.add(socket);
    return socket;
  }

  setPublic(socket: Socket, isPublic: boolean): void {
    if (socket.isPublic && !isPublic) socket.replacedAtMs = this.clock.nowMs();
    if (isPublic) socket.replacedAtMs = null;
    socket.isPublic = isPublic;
  }

  /** @param isForAll those who still hold it do not listen any more, as after shutdown() */
  close(socket: Socket, isForAll: boolean): void {
    socket.isHeldByKeeper = false;
    this.setPublic(socket, false);
    this.#closeUnheld(socket, isForAll);
  }

  #closeUnheld(socket: Socket, isForAll: boolean): void {
    if (!socket.isOpen || (!isForAll && this.#isHeld(socket))) return;
    socket.isOpen = false;
    for (const client of socket.queue.splice(0)) {
      client.state = 'lost';
      this.#judgeLoss(socket);
    }
  }

  #isHeld(socket: Socket): boolean {
    if (socket.isHeldByKeeper) return true;
    return [...this.workers.values()].some(it => it.socket === socket && it.exit === null);
  }

  #judgeLoss({ pool, replacedAtMs, isLost }: Socket): void {
    if (isLost) return;
    const nowMs = this.clock.nowMs();
    const sinceMs = replacedAtMs ?? nowMs;
    const isTimeOver = nowMs - sinceMs >= CONTROL_TIMEOUT_MS - SLACK_MS;
    const isForced = (this.forcedAtMs.get(pool) ?? 0) >= sinceMs - CONTROL_TIMEOUT_MS;
    const isTroubled = (this.troubleAtMs.get(pool) ?? 0) >= sinceMs - CONTROL_TIMEOUT_MS;
    if (!isTimeOver && !isForced && !isTroubled)
      this.violations.push(`a client that waited for ${pool} was lost`);
  }

  connect(pool: string, addresses: readonly BindAddress[], serveMs: number): Client {
    const client: Client = { pool, serveMs, state: 'refused' };
    const open = [...this.sockets].filter(({ isOpen, isPublic }) => isOpen && isPublic);
    const socket = open.find(it => addresses.some(address => isSame(address, it.address)));
    if (socket === undefined) return client;
    client.state = 'queued';
    socket.queue.push(client);
    this.#serve(socket);
    if (socket.queue.length > 0) this.report({ event: 'queued', socket });
    return client;
  }

  spawn(spec: WorkerSpec, tag: Tag, socket: Socket | null): FakeWorker {
    const program = this.programs.get(spec.pool) ?? HEALTHY;
    const worker: FakeWorker = {
      pid: ++this.#lastPid,
      spec,
      socket,
      program,
      startedAtMs: this.clock.nowMs(),
      tag,
      leavingSinceMs: null,
      isAccepting: false,
      isFrozen: false,
      isTold: false,
      isAdopted: false,
      connections: new Set(),
      exit: null,
      isGone: false,
    };
    this.workers.set(worker.pid, worker);
    this.spawned.set(spec.pool, (this.spawned.get(spec.pool) ?? 0) + 1);
    if (program.fate !== 'serves') this.#trouble(spec.pool);
    this.clock.after(program.bootMs, () => this.#booted(worker));
    return worker;
  }

  #trouble(pool: string): void {
    this.troubleAtMs.set(pool, this.clock.nowMs());
  }

  #booted(worker: FakeWorker): void {
    if (worker.exit !== null || worker.program.fate === 'never accepts') return;
    if (worker.program.fate === 'exits') {
      this.#trouble(worker.spec.pool);
      this.end(worker, { code: 1, signal: null });
      return;
    }
    worker.isAccepting = true;
    if (worker.socket !== null) this.#serve(worker.socket);
  }

  #serve(socket: Socket): void {
    if (!socket.isOpen) return;
    for (const worker of this.workers.values()) {
      if (socket.queue.length === 0) return;
      const isFree = worker.isAccepting && !worker.isFrozen && worker.connections.size === 0;
      if (worker.socket === socket && worker.exit === null && isFree) this.#accept(worker, socket);
    }
  }

  #accept(worker: FakeWorker, socket: Socket): void {
    const client = socket.queue.shift();
    if (client === undefined) return;
    const connection = this.number();
    client.state = 'served';
    worker.connections.add(connection);
    socket.accepted.set(connection, client);
    this.clock.after(client.serveMs, () => this.#finish(worker, socket, connection, client));
  }

  #finish(worker: FakeWorker, socket: Socket, connection: number, client: Client): void {
    if (!worker.connections.delete(connection)) return;
    socket.accepted.delete(connection);
    client.state = 'done';
    if (worker.isTold && !worker.program.ignoresStop) this.end(worker, { code: 0, signal: null });
    else this.#serve(socket);
  }

  setTag(worker: FakeWorker, tag: Tag): void {
    worker.tag = tag;
    if (tag.phase === 'draining' || tag.phase === 'stopping') worker.leavingSinceMs ??= Number(tag.sinceMs);
    else if (tag.phase === 'ready') worker.leavingSinceMs = null;
  }

  /** A signal of the keeper's. @returns false: it is gone */
  signal(worker: FakeWorker, signal: NodeJS.Signals): boolean {
    if (worker.isGone) return false;
    if (worker.exit !== null) this.#gone(worker);
    else if (signal === 'SIGKILL') {
      this.#judgeKill(worker, 'was killed');
      this.end(worker, { code: null, signal });
    } else this.#tell(worker, signal);
    return true;
  }

  #tell(worker: FakeWorker, signal: NodeJS.Signals): void {
    if (worker.program.ignoresStop) return;
    worker.isTold = true;
    if (worker.isFrozen) return; // pending until it continues
    const isGraceful = worker.spec.env[GRACEFUL] === 'yes';
    if (isGraceful && worker.connections.size > 0) return;
    this.#judgeKill(worker, 'was told although it does not finish its request');
    this.end(worker, worker.isAccepting && isGraceful ? { code: 0, signal: null } : { code: null, signal });
  }

  /** One that came back for a queue has no more time than those before it. */
  #judgeKill({ pid, spec, connections, leavingSinceMs, socket }: FakeWorker, what: string): void {
    if (connections.size === 0) return;
    const isOver = (sinceMs: number | null): boolean =>
      sinceMs !== null && this.clock.nowMs() - sinceMs >= CONTROL_TIMEOUT_MS - SLACK_MS;
    const isTimeOver = isOver(leavingSinceMs) || isOver(socket?.replacedAtMs ?? null);
    const isForced = this.forcedAtMs.has(spec.pool);
    if (!isTimeOver && !isForced) this.violations.push(`worker ${pid} of ${spec.pool} was busy, and ${what}`);
  }

  freeze(worker: FakeWorker): boolean {
    if (worker.isFrozen || worker.exit !== null) return worker.isFrozen;
    worker.isFrozen = true;
    this.clock.after(500, () => this.thaw(worker));
    return true;
  }

  /** @returns false: it was not frozen any more */
  release(worker: FakeWorker, kill: boolean): boolean {
    if (!worker.isFrozen) return false;
    if (!kill) this.thaw(worker);
    else {
      if (worker.connections.size > 0) this.violations.push(`${worker.pid} was frozen, busy, and killed`);
      this.end(worker, { code: null, signal: 'SIGKILL' });
    }
    return true;
  }

  thaw(worker: FakeWorker): void {
    if (!worker.isFrozen) return;
    worker.isFrozen = false;
    if (worker.exit !== null) return;
    if (worker.isTold) this.#tell(worker, worker.spec.stopSignal);
    else if (worker.socket !== null) this.#serve(worker.socket);
  }

  end(worker: FakeWorker, how: Exit): void {
    if (worker.exit !== null) return;
    const exit = worker.isAdopted ? EXIT_UNKNOWN : how;
    worker.exit = exit;
    worker.isFrozen = false;
    for (const connection of worker.connections) {
      const client = worker.socket?.accepted.get(connection);
      if (client !== undefined) client.state = 'lost';
      worker.socket?.accepted.delete(connection);
    }
    worker.connections.clear();
    this.report({ event: 'exited', pid: worker.pid, exit });
    if (!worker.program.lingers) this.#gone(worker);
    if (worker.socket !== null) this.#closeUnheld(worker.socket, false);
  }

  #gone(worker: FakeWorker): void {
    if (worker.isGone) return;
    worker.isGone = true;
    this.report({ event: 'gone', pid: worker.pid });
  }
}

export function isSame(a: BindAddress, b: BindAddress): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}
