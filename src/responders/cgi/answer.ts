/** What a script writes becomes the answer: its head is held back until it is known to be one, the rest goes on at once. */
import { encodeHead } from '../../protocols/cgi-response/encode.ts';
import { CgiResponseReader } from '../../protocols/cgi-response/reader.ts';
import type { Exchange } from '../../server/exchange.ts';

export class ScriptAnswer {
  readonly #exchange: Pick<Exchange, 'write'>;
  /** Until the head is complete. */
  #reader: CgiResponseReader | null = new CgiResponseReader();

  constructor(exchange: Pick<Exchange, 'write'>) {
    this.#exchange = exchange;
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
