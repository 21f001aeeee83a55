/** Sends a Response into an exchange, as fast as the client takes it. */
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Exchange } from '../protocols/incoming-exchange.ts';
import { asBytes, encodeResponseHead } from './response.ts';

/** What is written at once; a larger piece would be copied whole where the client does not keep up. */
const PIECE_BYTES = 64 * 1024;
/** After so much of one answer the others get their turn: a stream that always has more could keep it for ever. */
const TURN_BYTES = 1024 * 1024;

export class ResponseWriter {
  readonly #exchange: Exchange;
  #reader: ReadableStreamDefaultReader<unknown> | null = null;
  #onRoom: (() => void) | null = null;
  #turnBytes = 0;
  #isGone = false;
  #hasBegun = false;

  constructor(exchange: Exchange) {
    this.#exchange = exchange;
  }

  /** Whether anything of an answer was sent: another one cannot follow then. */
  get hasBegun(): boolean {
    return this.#hasBegun;
  }

  /**
   * Sends it and ends the exchange. When the client is gone, the body is cancelled, and nothing is sent.
   * @throws whatever the body throws, and what is wrong with the head
   */
  async send(response: Response, isHead: boolean): Promise<void> {
    try {
      const head = encodeResponseHead(response);
      this.#hasBegun = true;
      await this.#write(head);
      if (!isHead && !this.#isGone && response.body !== null) await this.#sendBody(response.body);
      this.#exchange.end();
    } finally {
      // Nobody reads it any more: after a HEAD, for a client that is gone, and when something was wrong.
      if (response.body?.locked === false) response.body.cancel().catch(() => {});
    }
  }

  /** There is room again. */
  drained(): void {
    this.#onRoom?.();
    this.#onRoom = null;
  }

  /** Whoever makes the body hears that nobody reads it any more. */
  gone(reason: unknown): void {
    this.#isGone = true;
    this.drained();
    // What its cancel() throws is of no consequence to anybody.
    this.#reader?.cancel(reason).catch(() => {});
  }

  async #sendBody(body: ReadableStream<unknown>): Promise<void> {
    const reader = body.getReader();
    this.#reader = reader;
    try {
      while (!this.#isGone) {
        const { done, value } = await reader.read();
        if (done) break;
        const bytes = asBytes(value);
        for (let at = 0; at < bytes.length; at += PIECE_BYTES) {
          await this.#write(bytes.subarray(at, at + PIECE_BYTES));
        }
      }
    } catch (error) {
      void reader.cancel(error).catch(() => {}); // it is the first error that is told
      throw error;
    }
  }

  async #write(bytes: Buffer): Promise<void> {
    if (this.#isGone) return;
    this.#turnBytes += bytes.length;
    if (!this.#exchange.write(bytes)) {
      await new Promise<void>(resolve => {
        this.#onRoom = resolve;
      });
    } else if (this.#turnBytes >= TURN_BYTES) {
      await nextTurn();
    } else {
      return;
    }
    this.#turnBytes = 0;
  }
}
