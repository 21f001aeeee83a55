/**
 * A TCP socket of ours. Two may share an address and are told apart by the order in which they began to
 * listen, which is their order among the peers. It goes like this, and in no other order:
 * 1. the first is steered to before the second listens, which so gets nothing;
 * 2. published, the second is steered to; the first empties its queue;
 * 3. the first is shut down, which takes it out of the group whoever else holds it, and the second, now first, is
 *    steered to. Did neither this nor step 1 of the next swap say so, a third would get every connection as soon as
 *    it listens.
 */
import { closeSync, fstatSync } from 'node:fs';
import { type Endpoint, formatEndpoint } from '../../os/address.ts';
import { reveal } from '../../os/aside.ts';
import { setBacklog } from '../../os/listener.ts';
import {
  type Beside,
  listenTcp,
  refuseHandshakes,
  setAllowedClients,
  shutDown,
  steer,
  type TcpAddress,
  tcpEndpoint,
} from '../../os/tcp-listener.ts';
import type { SavedListener } from '../handover/state.ts';
import type { ListenerSpec } from '../protocol.ts';
import type { ForeignListener } from './foreign-listener.ts';
import { heldDescriptor, type OpenListener } from './open-listener.ts';

const GROUP_MAX = 2;

export interface TcpNeighbours {
  /** All of ours that are open on the address, the first to listen first. */
  readonly peers: () => readonly TcpListener[];
  /** Those of other programs at the address that are being taken over. */
  readonly taken: () => readonly ForeignListener[];
}

export class TcpListener implements OpenListener {
  spec: ListenerSpec;
  readonly inode: number;
  readonly descriptor: number | null;
  readonly endpoint: Endpoint;
  readonly #neighbours: TcpNeighbours;
  #isSteeredTo: boolean;
  #isRefusing: boolean;

  /**
   * Opens one that is public when it is the first on its address, else hidden.
   * @param beside socket inodes of ours whose addresses overlap with this one, its peers included; and who else listens
   * @throws {SystemError} when the kernel refuses or somebody else listens there; {Error} for a third
   */
  static open(
    spec: ListenerSpec,
    address: TcpAddress,
    neighbours: TcpNeighbours,
    beside: Beside,
  ): TcpListener {
    const others = neighbours.peers();
    const isHidden = neighbours.taken().length > 0;
    const endpoint = tcpEndpoint(address);
    if (others.length >= GROUP_MAX) {
      const ids = others.map(other => other.spec.id).join(' and ');
      const where = formatEndpoint(endpoint);
      throw new Error(`${ids} share ${where} already, and only two can: one of them must be closed first`);
    }
    const [first] = others;
    // One that is lost shares the new connections with the second until that is published; its workers serve, too.
    if (first !== undefined && first.descriptor !== null) steer(first.descriptor, 0);
    const descriptor = listenTcp({ ...spec, ...address, isHidden }, beside);
    const tcp = { isSteeredTo: first === undefined && !isHidden, isRefusing: false };
    return new TcpListener(
      { spec, inode: fstatSync(descriptor).ino, descriptor, file: null, tcp },
      endpoint,
      neighbours,
    );
  }

  /** Goes on with one that listens already. @param descriptor null: it is lost */
  static restore(
    saved: SavedListener,
    descriptor: number | null,
    address: TcpAddress,
    neighbours: TcpNeighbours,
  ): TcpListener {
    return new TcpListener({ ...saved, descriptor }, tcpEndpoint(address), neighbours);
  }

  private constructor(saved: SavedListener, endpoint: Endpoint, neighbours: TcpNeighbours) {
    this.spec = saved.spec;
    this.inode = saved.inode;
    this.descriptor = saved.descriptor;
    this.endpoint = endpoint;
    this.#neighbours = neighbours;
    this.#isSteeredTo = saved.tcp?.isSteeredTo ?? true;
    this.#isRefusing = saved.tcp?.isRefusing ?? false;
  }

  get isPublic(): boolean {
    return this.#isSteeredTo && !this.#isRefusing;
  }

  adjust(spec: ListenerSpec): void {
    const descriptor = heldDescriptor(this);
    setAllowedClients(descriptor, spec.allowedClients);
    this.#isRefusing = false;
    setBacklog(descriptor, spec.backlog);
    this.spec = spec;
  }

  publish(): void {
    if (this.#isRefusing) this.adjust(this.spec);
    for (const other of this.#neighbours.taken()) {
      reveal(heldDescriptor(this)); // for a moment both can be reached, and both serve
      other.replaced();
    }
    steer(heldDescriptor(this), this.#peers().indexOf(this));
    for (const peer of this.#peers()) peer.#isSteeredTo = peer === this;
  }

  #peers(): readonly TcpListener[] {
    return this.#neighbours.peers();
  }

  refuse(): void {
    if (this.descriptor === null) return; // it goes on until its workers have ended
    refuseHandshakes(this.descriptor);
    this.#isRefusing = true;
  }

  /**
   * Ends the listening for workers as well that still hold the socket. A lost one ends with the last of them; until
   * then it is first among its peers, and the other one stays steered to as the second.
   */
  close(): void {
    if (this.descriptor === null) return;
    shutDown(this.descriptor);
    closeSync(this.descriptor);
    for (const rest of this.#peers()) {
      if (rest === this || rest.descriptor === null) continue;
      steer(rest.descriptor, 0);
      rest.#isSteeredTo = true;
    }
  }

  get saved(): SavedListener {
    const { spec, inode, descriptor } = this;
    const tcp = { isSteeredTo: this.#isSteeredTo, isRefusing: this.#isRefusing };
    return { spec, inode, descriptor, file: null, tcp };
  }
}
