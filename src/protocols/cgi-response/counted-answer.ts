/** A CGI response whose body is held against its Content-Length; the same for every protocol that carries one. */
import type { PairInput } from '../pair.ts';
import { pairBytes } from '../pair.ts';
import { ProtocolError } from '../protocol-error.ts';
import type { CgiResponseEvent, CgiResponseRules } from './reader.ts';
import { CgiResponseReader } from './reader.ts';

export class CountedAnswer {
  readonly #reader: CgiResponseReader;
  readonly #isHead: boolean;
  #bodyBytes = 0;

  /** @param params of the request: to HEAD no body is sent */
  constructor(rules: Partial<CgiResponseRules>, params: readonly PairInput[]) {
    this.#reader = new CgiResponseReader(rules);
    this.#isHead = params.some(([name, value]) => name === 'REQUEST_METHOD' && pairBytes(value).equals(HEAD));
  }

  push(chunk: Buffer): CgiResponseEvent[] {
    const events = this.#reader.push(chunk);
    for (const event of events) if (event.type === 'body') this.#bodyBytes += event.chunk.length;
    return events;
  }

  /** @throws ProtocolError CGI_TRUNCATED */
  end(): void {
    this.#reader.end();
    const missing = (this.#reader.head?.contentLengthBytes ?? 0) - this.#bodyBytes;
    // RFC 9110, section 8.6: here Content-Length tells of a body that is not sent.
    if (missing <= 0 || this.#isHead || this.#reader.head?.status === 304) return;
    throw new ProtocolError(
      'CGI_TRUNCATED',
      `the answer is ${missing} bytes shorter than its Content-Length`,
    );
  }

  isWhole(): boolean {
    const length = this.#reader.head?.contentLengthBytes ?? null;
    return length !== null && this.#bodyBytes >= length;
  }
}

const HEAD: Buffer = Buffer.from('HEAD');
