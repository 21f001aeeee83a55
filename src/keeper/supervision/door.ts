/**
 * Takes connections on the control socket. Each gets a place (connection-places.ts) or is told at once that there is none. So many
 * a turn are taken and no more: Node's own servers accept as long as somebody connects, so a client that connects in a
 * loop would keep the process from everything else.
 */
import { closeSync } from 'node:fs';
import { Socket } from 'node:net';
import { type LoopHandle, SystemError, watchReadable } from '../../os/libc.ts';
import { type Peer, peerOf } from '../../os/peer.ts';
import { accept, finishSending, send } from '../../os/stream-socket.ts';
import { type NoPlace, Places, type Rank } from './connection-places.ts';

const ACCEPTS_A_TURN = 64;
/** How long connections wait when there is no descriptor for one. */
const RETRY_MS = 100;
/** A client that is refused may still be sending: it reads why only as long as we have not closed. */
const LINGER_MS = 500;
/** So many of those who are refused, for each who has a place: descriptors are few. */
const LINGERING_A_PLACE = 1 / 8;

export interface DoorOptions {
  /** A listening socket; it is closed with the door. */
  readonly descriptor: number;
  readonly places: number;
  readonly rankOf: (peer: Peer) => Rank;
  readonly admit: (socket: Socket, peer: Peer, rank: Rank) => void;
  /** What somebody is told for whom there is no place: bytes. */
  readonly refusal: (why: NoPlace) => Buffer;
}

export class Door {
  readonly #options: DoorOptions;
  readonly #places: Places;
  #watch: LoopHandle | null = null;
  #retry: NodeJS.Timeout | null = null;
  /** Descriptors of those who were refused; the oldest first. */
  readonly #lingering = new Map<number, NodeJS.Timeout>();
  #isClosed = false;

  constructor(options: DoorOptions) {
    this.#options = options;
    this.#places = new Places(options.places);
    this.#open();
  }

  /** Whoever has connected by now is let in. */
  close(): void {
    if (this.#isClosed) return;
    this.#turn();
    this.#isClosed = true;
    this.#watch?.close();
    if (this.#retry !== null) clearTimeout(this.#retry);
    closeSync(this.#options.descriptor);
  }

  #open(): void {
    this.#retry = null;
    this.#watch = watchReadable(this.#options.descriptor, () => this.#turn());
  }

  #turn(): void {
    if (this.#isClosed || this.#retry !== null) return;
    try {
      for (let count = 0; count < ACCEPTS_A_TURN; count++) {
        const descriptor = accept(this.#options.descriptor);
        if (descriptor < 0) return;
        this.#take(descriptor);
      }
    } catch (error) {
      if (!(error instanceof SystemError)) throw error;
      this.#watch?.close(); // or it would be called again at once
      this.#watch = null;
      this.#retry = setTimeout(() => this.#open(), RETRY_MS);
    }
  }

  #take(descriptor: number): void {
    const { rankOf, admit, refusal } = this.#options;
    const peer = peerOf(descriptor);
    const rank = rankOf(peer);
    const place = this.#places.take(peer.uid, rank);
    if (typeof place === 'string') {
      this.#refuse(descriptor, refusal(place));
      return;
    }
    const socket = new Socket({ fd: descriptor, allowHalfOpen: true, readable: true, writable: true });
    socket.once('close', place);
    admit(socket, peer, rank);
  }

  #refuse(descriptor: number, answer: Buffer): void {
    send(descriptor, [answer]);
    finishSending(descriptor);
    const [oldest] = this.#lingering.keys();
    if (oldest !== undefined && this.#lingering.size >= this.#options.places * LINGERING_A_PLACE)
      this.#forget(oldest);
    this.#lingering.set(descriptor, setTimeout(() => this.#forget(descriptor), LINGER_MS).unref());
  }

  #forget(descriptor: number): void {
    clearTimeout(this.#lingering.get(descriptor));
    this.#lingering.delete(descriptor);
    closeSync(descriptor);
  }
}
