/** The listening sockets that the keeper holds open, by the supervisor's names for them. */
import { fstatSync } from 'node:fs';
import { collide, isSameEndpoint } from '../os/address.ts';
import { setNonblocking } from '../os/descriptor.ts';
import type { Poller } from '../os/poller.ts';
import { type TcpAddress, tcpEndpoint } from '../os/tcp-listener.ts';
import type { OpenListener } from './open-listener.ts';
import type { ListenerSpec, ListenerState } from './protocol.ts';
import { SystemdListener } from './systemd-listener.ts';
import { TcpListener } from './tcp-listener.ts';
import { UnixListener } from './unix-listener.ts';

export class Listeners {
  /** In the order in which they were opened, which for TCP is the order in their group. */
  readonly #open = new Map<string, OpenListener>();
  readonly #inherited: ReadonlyMap<string, number>;
  readonly #poller: Poller;
  readonly #knocked: (id: string) => void;
  /** Descriptors at which the poller looks, with the listener to be reported. */
  readonly #watched = new Map<number, string>();

  /**
   * @param inherited sockets from the service manager, by name
   * @param knocked is called once for each `watch`, when a connection waits
   */
  constructor(inherited: ReadonlyMap<string, number>, poller: Poller, knocked: (id: string) => void) {
    this.#inherited = inherited;
    this.#poller = poller;
    this.#knocked = knocked;
  }

  /**
   * Opens a listener, hidden when another of ours has the address, or gives one that is open the settings of the new
   * specification; its address stays.
   * @returns the inode of the socket
   * @throws {SystemError} when the kernel refuses; {Error} when the service manager gave no such socket
   */
  open(spec: ListenerSpec): number {
    const known = this.#open.get(spec.id);
    known?.adjust(spec);
    const listener = known ?? this.#listen(spec);
    this.#open.set(spec.id, listener);
    setNonblocking(listener.descriptor, spec.nonblock);
    return inodeOf(listener);
  }

  descriptor(id: string): number {
    return this.#get(id).descriptor;
  }

  /** New connections to the address come to this one from now on. */
  publish(id: string): void {
    this.#get(id).publish();
  }

  /** No new connections, until `open` or `publish` is called for it. */
  refuse(id: string): void {
    this.#get(id).refuse();
  }

  /** Reports once that a connection waits, now or later. */
  watch(id: string): void {
    const { descriptor } = this.#get(id);
    const isWatched = this.#watched.has(descriptor);
    this.#watched.set(descriptor, id);
    if (!isWatched) this.#poller.add(descriptor, () => this.#knock(descriptor));
  }

  /** Closes our copy of the socket and removes its file when it is still ours. */
  close(id: string): void {
    const listener = this.#open.get(id);
    if (listener === undefined) return;
    this.#open.delete(id);
    this.#unwatch(listener.descriptor);
    listener.close();
  }

  closeAll(): void {
    for (const id of this.#open.keys()) this.close(id);
  }

  get states(): ListenerState[] {
    return [...this.#open.values()].map(listener => ({
      spec: listener.spec,
      inode: inodeOf(listener),
      isPublic: listener.isPublic,
    }));
  }

  /** The sockets from the service manager, in use or not. */
  get inheritedNames(): string[] {
    return [...this.#inherited.keys()];
  }

  #get(id: string): OpenListener {
    const listener = this.#open.get(id);
    if (listener === undefined) throw new Error(`listener ${id} is not open`);
    return listener;
  }

  #listen(spec: ListenerSpec): OpenListener {
    const { address } = spec;
    switch (address.type) {
      case 'unix':
        return UnixListener.open(spec, address.path, () => this.#onPath(address.path));
      case 'tcp':
        return TcpListener.open(spec, address, () => this.#onEndpoint(address), this.#besides(address));
      case 'systemd': {
        const descriptor = this.#inherited.get(address.name);
        if (descriptor === undefined)
          throw new Error(`no socket named ${address.name} was passed in LISTEN_FDNAMES`);
        return new SystemdListener(spec, descriptor);
      }
    }
  }

  #onPath(path: string): UnixListener[] {
    return [...this.#open.values()]
      .filter(listener => listener instanceof UnixListener)
      .filter(listener => listener.path === path);
  }

  #onEndpoint(address: TcpAddress): TcpListener[] {
    const wanted = tcpEndpoint(address);
    return this.#tcp().filter(listener => isSameEndpoint(listener.endpoint, wanted));
  }

  /** Those of ours that the kernel would see in the way: the same address, or one that takes in the other. */
  #besides(address: TcpAddress): Set<number> {
    const wanted = tcpEndpoint(address);
    return new Set(
      this.#tcp()
        .filter(listener => collide(listener.endpoint, wanted))
        .map(inodeOf),
    );
  }

  #tcp(): TcpListener[] {
    return [...this.#open.values()].filter(listener => listener instanceof TcpListener);
  }

  #knock(descriptor: number): void {
    const id = this.#watched.get(descriptor);
    this.#unwatch(descriptor);
    if (id !== undefined) this.#knocked(id);
  }

  /** Before the descriptor is closed: as long as a worker holds the socket, epoll would go on looking at it. */
  #unwatch(descriptor: number): void {
    if (this.#watched.delete(descriptor)) this.#poller.remove(descriptor);
  }
}

function inodeOf({ descriptor }: OpenListener): number {
  return fstatSync(descriptor).ino;
}
