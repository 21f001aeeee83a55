/**
 * What a script writes becomes the answer: its head is held back until it is known to be one, the rest goes on at once.
 *
 * All of it is held back while the body of the request is still coming: nginx sends no more of a body once an answer has
 * begun, and a script that writes its head before it reads (git-http-backend) would wait for the rest for ever.
 */

import { ByteBuilder } from '../../../protocols/byte-builder.ts';
import { encodeHead } from '../../../protocols/cgi-response/encode.ts';
import { CgiResponseReader } from '../../../protocols/cgi-response/reader.ts';
import type { Exchange } from '../../../protocols/incoming-exchange.ts';

/** A script that writes more than that before it has read its body is not made to wait: then the answer begins. */
const MOST_HELD_BYTES = 1 << 20;

export class ScriptAnswer {
  readonly #exchange: Pick<Exchange, 'write'>;
  /** What is held back while the body is coming. */
  #held: ByteBuilder | null;
  /** Until the head is complete. */
  #reader: CgiResponseReader | null = new CgiResponseReader();

  /** @param isHeld until `release` */
  constructor(exchange: Pick<Exchange, 'write'>, isHeld = false) {
    this.#exchange = exchange;
    this.#held = isHeld ? new ByteBuilder() : null;
  }

  /** Whether the client has been told anything: from then on an error can only be shown by breaking off. */
  get isBegun(): boolean {
    return this.#reader === null;
  }

  /**
   * @returns false when the client does not keep up
   * @throws {ProtocolError} when it is no head, before anything of it was sent
   */
  push(chunk: Buffer): boolean {
    if (this.#held === null) return this.#forward(chunk);
    this.#held.add(chunk);
    return this.#held.length <= MOST_HELD_BYTES || this.release();
  }

  /** The client has sent its whole body, or nobody will read it: nothing is held back from now on. As `push`. */
  release(): boolean {
    const held = this.#held?.take();
    this.#held = null;
    return held === undefined || this.#forward(held);
  }

  #forward(chunk: Buffer): boolean {
    if (this.#reader === null) return this.#exchange.write(chunk);
    const [first, second] = this.#reader.push(chunk);
    if (first?.type !== 'head') return true;
    this.#reader = null;
    const head = encodeHead(first.head);
    return this.#exchange.write(second?.type === 'body' ? Buffer.concat([head, second.chunk]) : head);
  }

  /** The script has said all. @throws {ProtocolError} CGI_TRUNCATED when that is not even a head */
  end(): void {
    this.#reader?.end();
  }
}
