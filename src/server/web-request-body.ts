/**
 * The body of a request as a stream that the program reads. What the client sends faster than it is read waits with the
 * client: no more than `HELD_BYTES` and one piece are held here.
 */
import type { Exchange } from '../protocols/incoming-exchange.ts';

const HELD_BYTES = 64 * 1024;

export class RequestBody {
  readonly stream: ReadableStream<Uint8Array>;
  readonly #exchange: Exchange;
  #controller: ReadableByteStreamController | null = null;
  /** Bytes that CONTENT_LENGTH still promises; null: nobody said how many there are. */
  #leftBytes: number | null;
  #isPaused = false;

  constructor(exchange: Exchange, lengthBytes: number | null) {
    this.#exchange = exchange;
    this.#leftBytes = lengthBytes;
    this.stream = new ReadableStream(
      {
        type: 'bytes',
        start: controller => {
          this.#controller = controller;
        },
        pull: () => this.#pause(false),
        // Nobody wants the rest. It is let in and dropped, because other requests may come behind it.
        cancel: () => {
          this.#controller = null;
          this.#pause(false);
        },
      },
      { highWaterMark: HELD_BYTES },
    );
  }

  /** Bytes beyond CONTENT_LENGTH are not part of the body (RFC 3875, section 4.2). */
  push(lent: Buffer): void {
    const chunk = this.#leftBytes === null ? lent : lent.subarray(0, this.#leftBytes);
    if (this.#leftBytes !== null) this.#leftBytes -= chunk.length;
    if (this.#controller === null || chunk.length === 0) return;
    this.#controller.enqueue(new Uint8Array(chunk));
    if ((this.#controller.desiredSize ?? 0) <= 0) this.#pause(true);
  }

  end(): void {
    if (this.#leftBytes !== null && this.#leftBytes > 0) {
      this.fail(new Error(`the body of the request ended ${this.#leftBytes} bytes before its end`));
      return;
    }
    const controller = this.#controller;
    this.#controller = null;
    controller?.close();
    controller?.byobRequest?.respond(0); // a read that waits with a buffer of its own hears of the end only so
  }

  /** Whoever reads it gets this error; harmless when the body is complete. */
  fail(error: unknown): void {
    const controller = this.#controller;
    this.#controller = null;
    controller?.error(error);
  }

  #pause(isPaused: boolean): void {
    if (isPaused === this.#isPaused) return;
    this.#isPaused = isPaused;
    if (isPaused) this.#exchange.pauseBody();
    else this.#exchange.resumeBody();
  }
}
