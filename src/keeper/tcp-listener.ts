/**
 * A TCP socket of ours. Two may share an address (DESIGN D3) and are told apart by the order in which they began to
 * listen, which is their order among the peers. It goes like this, and in no other order:
 * 1. the first is steered to before the second listens, which so gets nothing;
 * 2. published, the second is steered to; the first empties its queue;
 * 3. the first is shut down, which takes it out of the group whoever else holds it, and the second, now first, is
 *    steered to. Did neither this nor step 1 of the next swap say so, a third would get every connection as soon as
 *    it listens.
 */
import { closeSync } from 'node:fs';
import { type Endpoint, formatEndpoint } from '../os/address.ts';
import { setBacklog } from '../os/listener.ts';
import {
  listenTcp,
  refuseHandshakes,
  setAllowedClients,
  shutDown,
  steer,
  type TcpAddress,
  tcpEndpoint,
} from '../os/tcp-listener.ts';
import type { OpenListener } from './open-listener.ts';
import type { ListenerSpec } from './protocol.ts';

const GROUP_MAX = 2;

/** All that are open on the address, the first to listen first. */
type Peers = () => readonly TcpListener[];

export class TcpListener implements OpenListener {
  spec: ListenerSpec;
  readonly descriptor: number;
  readonly endpoint: Endpoint;
  readonly #peers: Peers;
  #isSteeredTo: boolean;
  #isRefusing = false;

  /**
   * Opens one that is public when it is the first on its address, else hidden.
   * @param besides socket inodes of ours whose addresses overlap with this one, its peers included
   * @throws {SystemError} when the kernel refuses or somebody else listens there; {Error} for a third
   */
  static open(
    spec: ListenerSpec,
    address: TcpAddress,
    peers: Peers,
    besides: ReadonlySet<number>,
  ): TcpListener {
    const others = peers();
    const endpoint = tcpEndpoint(address);
    if (others.length >= GROUP_MAX) {
      const ids = others.map(other => other.spec.id).join(' and ');
      const where = formatEndpoint(endpoint);
      throw new Error(`${ids} share ${where} already, and only two can: one of them must be closed first`);
    }
    const [first] = others;
    if (first !== undefined) steer(first.descriptor, 0);
    const descriptor = listenTcp({ ...spec, ...address }, besides);
    return new TcpListener(spec, descriptor, endpoint, peers, first === undefined);
  }

  private constructor(
    spec: ListenerSpec,
    descriptor: number,
    endpoint: Endpoint,
    peers: Peers,
    isSteeredTo: boolean,
  ) {
    this.spec = spec;
    this.descriptor = descriptor;
    this.endpoint = endpoint;
    this.#peers = peers;
    this.#isSteeredTo = isSteeredTo;
  }

  get isPublic(): boolean {
    return this.#isSteeredTo && !this.#isRefusing;
  }

  adjust(spec: ListenerSpec): void {
    setAllowedClients(this.descriptor, spec.allowedClients);
    this.#isRefusing = false;
    setBacklog(this.descriptor, spec.backlog);
    this.spec = spec;
  }

  publish(): void {
    if (this.#isRefusing) this.adjust(this.spec);
    steer(this.descriptor, this.#peers().indexOf(this));
    for (const peer of this.#peers()) peer.#isSteeredTo = peer === this;
  }

  refuse(): void {
    refuseHandshakes(this.descriptor);
    this.#isRefusing = true;
  }

  /** Ends the listening for workers as well that still hold the socket. */
  close(): void {
    shutDown(this.descriptor);
    closeSync(this.descriptor);
    for (const rest of this.#peers()) {
      if (rest === this) continue;
      steer(rest.descriptor, 0);
      rest.#isSteeredTo = true;
    }
  }
}
