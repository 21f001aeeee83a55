/** What a socket is to send: at once as far as it takes it, the rest is copied and waits. */
import { CONNECTION_LOST, send } from '../os/stream-socket.ts';
import { ByteQueue } from './byte-queue.ts';

export class WriteQueue {
  readonly #socket: number;
  readonly #waiting = new ByteQueue();

  constructor(socket: number) {
    this.#socket = socket;
  }

  /** Bytes that wait. */
  get length(): number {
    return this.#waiting.length;
  }

  /** Sends or copies all pieces before it returns. For a client that is gone they are dropped. */
  write(pieces: readonly Buffer[]): void {
    const taken = this.length === 0 ? send(this.#socket, pieces) : 0;
    if (taken === CONNECTION_LOST) return;
    let sent = Math.max(taken, 0);
    for (const piece of pieces) {
      if (sent < piece.length) this.#waiting.add(sent === 0 ? piece : piece.subarray(sent));
      sent = Math.max(sent - piece.length, 0);
    }
  }

  /** The socket takes more; after less than all it is to be asked again. */
  flush(): void {
    if (this.length === 0) return;
    const taken = send(this.#socket, [this.#waiting.bytes]);
    if (taken === CONNECTION_LOST) this.drop();
    if (taken > 0) this.#waiting.take(taken);
  }

  drop(): void {
    this.#waiting.clear();
  }
}
