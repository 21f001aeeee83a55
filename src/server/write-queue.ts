/**
 * What a socket is to send: at once as far as it takes it, the rest is copied and waits. A little is first held back, as
 * an end mostly follows: together they are one write for us, and one time that the web server wakes.
 */
import { CONNECTION_LOST, send } from '../os/stream-socket.ts';
import { ByteQueue } from './byte-queue.ts';

/** Below this a copy costs less than a write. */
const MOST_HELD_BYTES = 4096;

export class WriteQueue {
  readonly #socket: number;
  readonly #waiting = new ByteQueue();
  /** What waits was held back, and not tried yet. */
  #isHeld = false;

  constructor(socket: number) {
    this.#socket = socket;
  }

  /** Bytes that wait for the client. */
  get length(): number {
    return this.#isHeld ? 0 : this.#waiting.length;
  }

  /** Something is held back until `release`. */
  get isHeld(): boolean {
    return this.#isHeld;
  }

  /** Sends, copies or holds back all pieces before it returns. For a client that is gone they are dropped. */
  write(pieces: readonly Buffer[]): void {
    const bytes = pieces.reduce((sum, piece) => sum + piece.length, 0);
    if (this.length === 0 && this.#waiting.length + bytes <= MOST_HELD_BYTES) {
      this.#isHeld = true;
      for (const piece of pieces) this.#waiting.add(piece);
      return;
    }
    this.release();
    this.#send(pieces);
  }

  /** Sends what was held back. */
  release(): void {
    if (!this.#isHeld) return;
    this.#isHeld = false;
    this.flush();
  }

  /** The socket takes more; after less than all it is to be asked again. */
  flush(): void {
    if (this.length === 0) return;
    const taken = send(this.#socket, [this.#waiting.bytes]);
    if (taken === CONNECTION_LOST) this.drop();
    if (taken > 0) this.#waiting.take(taken);
  }

  drop(): void {
    this.#isHeld = false;
    this.#waiting.clear();
  }

  #send(pieces: readonly Buffer[]): void {
    const taken = this.length === 0 ? send(this.#socket, pieces) : 0;
    if (taken === CONNECTION_LOST) return;
    let sent = Math.max(taken, 0);
    for (const piece of pieces) {
      if (sent < piece.length) this.#waiting.add(sent === 0 ? piece : piece.subarray(sent));
      sent = Math.max(sent - piece.length, 0);
    }
  }
}
