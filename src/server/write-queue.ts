/** What a socket is to send: at once as far as it takes it, the rest is copied and waits. */
import { CONNECTION_LOST, send } from '../os/stream-socket.ts';
import { ByteBuilder } from '../protocols/byte-builder.ts';

const NOTHING: Buffer = Buffer.alloc(0);

export class WriteQueue {
  readonly #socket: number;
  /** What is being sent, and behind it what came since. */
  #front: Buffer = NOTHING;
  #back: ByteBuilder | null = null;

  constructor(socket: number) {
    this.#socket = socket;
  }

  /** Bytes that wait. */
  get length(): number {
    return this.#front.length + (this.#back?.length ?? 0);
  }

  /** Sends or copies all pieces before it returns. For a client that is gone they are dropped. */
  write(pieces: readonly Buffer[]): void {
    const taken = this.length === 0 ? send(this.#socket, pieces) : 0;
    if (taken === CONNECTION_LOST) return;
    let skipped = Math.max(taken, 0);
    for (const piece of pieces) {
      if (skipped < piece.length) this.#keep(skipped === 0 ? piece : piece.subarray(skipped));
      skipped = Math.max(skipped - piece.length, 0);
    }
  }

  /** The socket takes more. */
  flush(): void {
    for (;;) {
      if (this.#front.length === 0) {
        if (this.#back === null || this.#back.length === 0) return;
        this.#front = this.#back.take();
      }
      const taken = send(this.#socket, [this.#front]);
      if (taken === CONNECTION_LOST) this.drop();
      if (taken <= 0) return;
      this.#front = taken === this.#front.length ? NOTHING : this.#front.subarray(taken);
    }
  }

  drop(): void {
    this.#front = NOTHING;
    this.#back = null;
  }

  #keep(piece: Buffer): void {
    this.#back ??= new ByteBuilder();
    this.#back.add(piece);
  }
}
