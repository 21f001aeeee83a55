/** The listening sockets that the keeper holds open, by the supervisor's names for them. */
import { collide, isSameEndpoint } from '../../os/address.ts';
import { isNonblocking, setNonblocking } from '../../os/descriptor.ts';
import type { Poller } from '../../os/poller.ts';
import { type TcpAddress, tcpEndpoint } from '../../os/tcp-listener.ts';
import { TcpOwners } from '../../os/tcp-owners.ts';
import type { SavedListener, SavedSocket } from '../handover/state.ts';
import type { Answer, BindAddress, Failure, ListenerSpec, ListenerState, ListenResult } from '../protocol.ts';
import { AddressIndex } from './address-index.ts';
import { ForeignListener } from './foreign-listener.ts';
import { heldDescriptor, type OpenListener } from './open-listener.ts';
import { SystemdListener } from './systemd-listener.ts';
import { TcpListener, type TcpNeighbours } from './tcp-listener.ts';
import { UnixListener, type UnixNeighbours } from './unix-listener.ts';

export class Listeners {
  /** In the order in which they were opened, which for TCP is the order in their group. */
  readonly #open = new Map<string, OpenListener>();
  readonly #addresses = new AddressIndex();
  readonly #inherited: ReadonlyMap<string, number>;
  readonly #poller: Poller;
  readonly #knocked: (id: string) => void;
  readonly #warn: (text: string) => void;
  /** Descriptors at which the poller looks, with the listener to be reported. */
  readonly #watched = new Map<number, string>();

  /**
   * @param inherited sockets from the service manager, by name
   * @param knocked is called once for each `watch`, when a connection waits
   * @param warn takes what an administrator should read
   */
  constructor(
    inherited: ReadonlyMap<string, number>,
    poller: Poller,
    knocked: (id: string) => void,
    warn: (text: string) => void = () => {},
  ) {
    this.#inherited = inherited;
    this.#poller = poller;
    this.#knocked = knocked;
    this.#warn = warn;
  }

  /**
   * Opens listeners, each as `open`, independently of the others.
   * @param failed says why one could not be opened
   */
  openAll(specs: readonly ListenerSpec[], failed: (error: unknown) => Failure): ListenResult[] {
    const owners = new TcpOwners();
    return specs.map(spec => {
      try {
        return { inode: this.open(spec, owners) };
      } catch (error) {
        return { failure: failed(error) };
      }
    });
  }

  /**
   * Opens a listener, hidden when another of ours has the address, or gives one that is open the settings of the new
   * specification; its address stays.
   * @returns the inode of the socket
   * @throws {SystemError} when the kernel refuses; {Error} when the service manager gave no such socket
   */
  open(spec: ListenerSpec, owners: TcpOwners = new TcpOwners()): number {
    const known = this.#open.get(spec.id);
    known?.adjust(spec);
    const listener = known ?? this.#listen(spec, owners);
    if (known === undefined) this.#add(listener);
    setNonblocking(heldDescriptor(listener), spec.nonblock);
    return listener.inode;
  }

  /**
   * Takes the listener of another program at that address.
   * @throws {SystemError} EPERM when we may not have it; {Error} when that process does not have it
   */
  take(spec: ListenerSpec, pid: number, inode: number): Answer<'take'> {
    const listener = ForeignListener.take(spec, pid, inode);
    this.#add(listener);
    const { descriptor } = listener;
    return { isLost: descriptor === null, isNonblocking: descriptor !== null && isNonblocking(descriptor) };
  }

  /** Goes on with one that listens already. @param descriptor null: nobody lets us have it */
  restore(saved: SavedListener, descriptor: number | null): void {
    this.#add(this.#restored(saved, descriptor));
  }

  /** @throws {Error} when it is not open, or lost */
  descriptor(id: string): number {
    return heldDescriptor(this.#get(id));
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
    const descriptor = heldDescriptor(this.#get(id));
    const isWatched = this.#watched.has(descriptor);
    this.#watched.set(descriptor, id);
    if (!isWatched) this.#poller.add(descriptor, () => this.#knock(descriptor));
  }

  /** Closes our copy of the socket and removes its file when it is still ours. */
  close(id: string): void {
    const listener = this.#open.get(id);
    if (listener === undefined) return;
    this.#open.delete(id);
    this.#addresses.delete(listener);
    this.#unwatch(listener.descriptor);
    listener.close();
  }

  closeAll(): void {
    for (const id of this.#open.keys()) this.close(id);
  }

  get ids(): string[] {
    return [...this.#open.keys()];
  }

  /** Those at its address, itself included. */
  neighbours(id: string): string[] {
    const listener = this.#open.get(id);
    return listener === undefined
      ? [id]
      : this.#addresses.at(listener.spec.address).map(({ spec }) => spec.id);
  }

  get states(): ListenerState[] {
    return [...this.#open.values()].map(listener => ({
      spec: listener.spec,
      inode: listener.inode,
      isPublic: listener.isPublic,
      isLost: listener.descriptor === null,
      isForeign: listener instanceof ForeignListener,
    }));
  }

  /** As it is now, for the next keeper; null: it is not open, or nobody is to continue with it. */
  savedOf(id: string): SavedListener | null {
    return this.#open.get(id)?.saved ?? null;
  }

  /** As they are now, for whoever goes on with them. */
  get saved(): SavedListener[] {
    return [...this.#open.values()].flatMap(({ saved }) => saved ?? []);
  }

  get savedInherited(): SavedSocket[] {
    return [...this.#inherited].map(([name, descriptor]) => ({ name, descriptor }));
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

  #add(listener: OpenListener): void {
    this.#open.set(listener.spec.id, listener);
    this.#addresses.add(listener);
  }

  #listen(spec: ListenerSpec, owners: TcpOwners): OpenListener {
    const { address } = spec;
    switch (address.type) {
      case 'unix':
        return UnixListener.open(spec, address.path, this.#unixNeighbours(address));
      case 'tcp':
        return TcpListener.open(spec, address, this.#tcpNeighbours(address), {
          besides: this.#besides(address),
          owners,
        });
      case 'systemd':
        return new SystemdListener(spec, this.#passed(address.name));
    }
  }

  #restored(saved: SavedListener, descriptor: number | null): OpenListener {
    const { address } = saved.spec;
    switch (address.type) {
      case 'unix':
        return UnixListener.restore(saved, descriptor, address.path, this.#unixNeighbours(address));
      case 'tcp':
        return TcpListener.restore(saved, descriptor, address, this.#tcpNeighbours(address));
      case 'systemd':
        return new SystemdListener(saved.spec, descriptor ?? this.#passed(address.name));
    }
  }

  /** @throws {Error} when the service manager gave no such socket */
  #passed(name: string): number {
    const descriptor = this.#inherited.get(name);
    if (descriptor === undefined) throw new Error(`no socket named ${name} was passed in LISTEN_FDNAMES`);
    return descriptor;
  }

  #unixNeighbours(address: Extract<BindAddress, { type: 'unix' }>): UnixNeighbours {
    return {
      peers: () => this.#addresses.at(address).filter(it => it instanceof UnixListener),
      taken: () => this.#addresses.at(address).filter(it => it instanceof ForeignListener),
      warn: this.#warn,
    };
  }

  #tcpNeighbours(address: TcpAddress & BindAddress): TcpNeighbours {
    const wanted = tcpEndpoint(address);
    return {
      peers: () => this.#onPort(address).filter(it => isSameEndpoint(it.endpoint, wanted)),
      taken: () =>
        this.#addresses
          .at(address)
          .filter(it => it instanceof ForeignListener)
          .filter(
            ({ spec }) => spec.address.type === 'tcp' && isSameEndpoint(tcpEndpoint(spec.address), wanted),
          ),
    };
  }

  /** Those of ours that the kernel would see in the way: the same address, or one that takes in the other. */
  #besides(address: TcpAddress & BindAddress): Set<number> {
    const wanted = tcpEndpoint(address);
    const ours = this.#onPort(address).filter(listener => collide(listener.endpoint, wanted));
    const taken = this.#tcpNeighbours(address).taken();
    return new Set([...ours, ...taken].map(({ inode }) => inode));
  }

  #onPort({ port }: TcpAddress): TcpListener[] {
    return this.#addresses.onPort(port).filter(listener => listener instanceof TcpListener);
  }

  #knock(descriptor: number): void {
    const id = this.#watched.get(descriptor);
    this.#unwatch(descriptor);
    if (id !== undefined) this.#knocked(id);
  }

  /** Before the descriptor is closed: as long as a worker holds the socket, epoll would go on looking at it. */
  #unwatch(descriptor: number | null): void {
    if (descriptor === null) return;
    if (this.#watched.delete(descriptor)) this.#poller.remove(descriptor);
  }
}
