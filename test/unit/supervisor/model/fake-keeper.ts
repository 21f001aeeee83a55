/**
 * A keeper without a process: it holds listeners, workers and notes as the protocol says, answers in the order in which
 * it is asked, and as late as the test wants. It outlives supervisors; what it knew is there for the next keeper.
 */
import type { Keeper, Outcome } from '../../../../src/keeper/client.ts';
import type {
  Answer,
  Ask,
  World as HeldWorld,
  KeeperEvent,
  ListenerSpec,
  ListenResult,
  RequestName,
} from '../../../../src/keeper/protocol.ts';
import { Link } from './fake-channel.ts';
import type { Socket, WorldEvent } from './things.ts';
import { EXIT_UNKNOWN, isSame, type World } from './world.ts';

interface Held {
  spec: ListenerSpec;
  readonly socket: Socket;
  isRefusing: boolean;
  /** Its workers alone have it. */
  isLost: boolean;
}

export class FakeKeeper {
  readonly listeners = new Map<string, Held>();
  readonly notes = new Map<string, string>();
  /** How long a request and an answer are under way. */
  askMs = 0;
  answerMs = 0;
  /** How many of the next ones of a kind fail. */
  readonly failing = new Map<RequestName, number>();
  readonly #world: World;
  readonly #passed = new Map<string, Socket>();
  readonly #watched = new Set<string>();
  #link: Link | null = null;

  /** @param passed names of the sockets that the service manager passed */
  constructor(world: World, passed: readonly string[]) {
    this.#world = world;
    for (const name of passed) this.#passed.set(name, world.open(name, { type: 'systemd', name }, true));
    world.report = event => this.#happened(event);
  }

  /** A supervisor connects. */
  connect(onEvent: (event: KeeperEvent) => void): Keeper {
    this.#link = new Link(this.#world, this, onEvent);
    return this.#link;
  }

  /** Nothing is under way between it and the supervisor. */
  get isQuiet(): boolean {
    return this.#link?.isQuiet ?? true;
  }

  /** The supervisor dies. @param heard so many of the requests that are under way are still done */
  disconnect(heard: number): void {
    this.#link?.end(heard);
    this.#link = null;
    for (const worker of this.#world.workers.values()) this.#world.thaw(worker);
    this.#watched.clear();
  }

  /** The keeper dies with its supervisor, and another one adopts what is left. @param isAllowed it may take sockets out of workers */
  die(isAllowed: boolean): void {
    this.disconnect(0);
    for (const { socket } of this.listeners.values()) {
      const { address } = socket;
      if (address.type === 'systemd') continue;
      const isHeld = [...this.#world.workers.values()].some(it => it.socket === socket && it.exit === null);
      if (!isHeld) this.#world.forcedAtMs.set(socket.pool, this.#world.clock.nowMs());
      socket.isHeldByKeeper = false;
    }
    for (const worker of this.#world.workers.values()) {
      worker.isAdopted = true;
      if (worker.exit !== null && !worker.isGone) worker.exit = EXIT_UNKNOWN;
    }
    for (const [id, held] of this.listeners) {
      const { socket } = held;
      if (socket.address.type === 'systemd') continue;
      const isHeld = [...this.#world.workers.values()].some(it => it.socket === socket && it.exit === null);
      if (!isHeld) {
        this.#world.close(socket, true);
        this.listeners.delete(id);
      } else if (isAllowed) socket.isHeldByKeeper = true;
      else {
        held.isLost = true;
        socket.isLost = true;
      }
    }
    this.notes.delete('stopping');
  }

  get held(): HeldWorld {
    return structuredClone({
      keeperPid: 1,
      startedAtMs: 0,
      startedAt: '',
      listeners: [...this.listeners.values()].map(({ spec, socket, isLost }) => ({
        spec,
        inode: socket.inode,
        isPublic: socket.isPublic,
        isLost,
        isForeign: false,
      })),
      inheritedSockets: [...this.#passed.keys()],
      workers: [...this.#world.workers.values()].map(it => ({
        pid: it.pid,
        tag: it.tag,
        startedAtMs: it.startedAtMs,
        exit: it.exit,
        gone: it.isGone,
        isAdopted: it.isAdopted,
      })),
      notes: Object.fromEntries(this.notes),
    });
  }

  do<N extends RequestName>(name: N, ask: Ask<N>): Outcome<N> {
    const failing = this.failing.get(name) ?? 0;
    const isNothing = name === 'publish' && this.listeners.get((ask as Ask<'publish'>).id)?.socket.isPublic;
    if (failing > 0 && isNothing !== true) {
      this.failing.set(name, failing - 1);
      if (name === 'spawn' || name === 'listen' || name === 'publish') {
        const pool = name === 'spawn' ? (ask as Ask<'spawn'>).spec.pool : null;
        for (const it of pool === null ? this.#world.programs.keys() : [pool])
          this.#world.troubleAtMs.set(it, this.#world.clock.nowMs());
      }
      return { failure: { message: `${name} is refused`, code: 'EAGAIN' } };
    }
    try {
      return { answer: this.#handle(name, ask) as Answer<N> };
    } catch (error) {
      return { failure: { message: (error as Error).message, code: null } };
    }
  }

  #handle(name: RequestName, ask: unknown): unknown {
    const { id = '', pid = 0 } = ask as { id?: string; pid?: number };
    const worker = this.#world.workers.get(pid);
    const handlers: { readonly [N in RequestName]?: () => unknown } = {
      listen: () => ({ results: (ask as Ask<'listen'>).specs.map(spec => this.#tryListen(spec)) }),
      publish: () => this.#publish(this.#get(id)),
      refuse: () => this.#refuse(this.#get(id)),
      unlisten: () => this.#unlisten(id),
      watch: () => this.#watch(id),
      spawn: () => this.#spawn(ask as Ask<'spawn'>),
      note: () => this.#note(ask as Ask<'note'>),
      signal: () => worker !== undefined && this.#world.signal(worker, (ask as Ask<'signal'>).signal),
      freeze: () => worker !== undefined && this.#world.freeze(worker),
      release: () => worker !== undefined && this.#world.release(worker, (ask as Ask<'release'>).kill),
      tag: () => worker !== undefined && this.#world.setTag(worker, (ask as Ask<'tag'>).tag),
      acknowledge: () => {
        const { note } = ask as Ask<'acknowledge'>;
        if (worker?.isGone === true) this.#world.workers.delete(pid);
        if (note !== null) this.#note(note);
      },
    };
    return handlers[name]?.() ?? null;
  }

  #note({ name, text }: Ask<'note'>): void {
    if (text === null) this.notes.delete(name);
    else this.notes.set(name, text);
  }

  #get(id: string): Held {
    const held = this.listeners.get(id);
    if (held === undefined) throw new Error(`listener ${id} is not open`);
    return held;
  }

  /** Of ours at the address, the first to listen first. */
  #peers({ address }: Pick<ListenerSpec, 'address'>): Held[] {
    return [...this.listeners.values()].filter(it => isSame(it.spec.address, address));
  }

  #tryListen(spec: ListenerSpec): ListenResult {
    try {
      return { inode: this.#listen(spec).socket.inode };
    } catch (error) {
      return { failure: { message: (error as Error).message, code: null } };
    }
  }

  #listen(spec: ListenerSpec): Held {
    const { address, id } = spec;
    const pool = id.slice(0, id.lastIndexOf('#'));
    const known = this.listeners.get(id);
    if (known !== undefined) {
      if (known.isLost) throw new Error(`${id} is lost`);
      known.spec = { ...spec, address: known.spec.address };
      if (known.isRefusing) this.#publish(known);
      return known;
    }
    if (address.type === 'systemd') {
      const socket = this.#passed.get(address.name);
      if (socket === undefined) throw new Error(`no socket named ${address.name}`);
      const held = { spec, socket, isRefusing: false, isLost: false };
      this.listeners.set(id, held);
      return held;
    }
    const peers = this.#peers(spec);
    const isFull =
      address.type === 'tcp'
        ? peers.length >= 2
        : peers.some(it => !it.socket.isPublic && it.socket.replacedAtMs === null);
    if (isFull) {
      // One that an earlier keeper left may be there for as long as its workers are.
      if (!peers.some(({ isLost }) => isLost))
        this.#world.violations.push(`${id} is one too many at its address`);
      throw new Error('only two can share an address');
    }
    const socket = this.#world.open(pool, address, peers.length === 0);
    const held = { spec, socket, isRefusing: false, isLost: false };
    this.listeners.set(id, held);
    return held;
  }

  #publish(held: Held): void {
    if (held.spec.address.type === 'systemd') return;
    if (held.isLost) throw new Error(`${held.spec.id} is lost`);
    held.isRefusing = false;
    for (const peer of this.#peers(held.spec)) this.#world.setPublic(peer.socket, peer === held);
  }

  #refuse(held: Held): void {
    if (held.spec.address.type === 'systemd' || held.isLost) return;
    held.isRefusing = true;
    this.#world.setPublic(held.socket, false);
  }

  #unlisten(id: string): void {
    const held = this.listeners.get(id);
    if (held === undefined) return;
    this.listeners.delete(id);
    if (held.spec.address.type === 'systemd') return;
    if (!held.isLost) this.#world.close(held.socket, held.spec.address.type === 'tcp');
    if (held.spec.address.type !== 'tcp') return;
    for (const rest of this.#peers(held.spec))
      if (!rest.isLost && !rest.isRefusing) this.#world.setPublic(rest.socket, true);
  }

  #watch(id: string): void {
    const { socket } = this.#get(id);
    if (socket.queue.length > 0) this.#send({ event: 'knocked', id });
    else this.#watched.add(id);
  }

  #spawn({ spec, tag, count }: Ask<'spawn'>): Answer<'spawn'> {
    const held = spec.listener === null ? null : this.#get(spec.listener);
    if (held?.isLost === true) throw new Error(`${spec.listener} is lost`);
    const pids = Array.from({ length: count }, () => this.#world.spawn(spec, tag, held?.socket ?? null).pid);
    return { pids, failure: null };
  }

  #happened(event: WorldEvent): void {
    if (event.event !== 'queued') {
      this.#send(event);
      return;
    }
    for (const id of this.#watched) {
      if (this.listeners.get(id)?.socket !== event.socket) continue;
      this.#watched.delete(id);
      this.#send({ event: 'knocked', id });
    }
  }

  #send(event: KeeperEvent): void {
    this.#link?.send(event);
  }
}
