/** One request's bytes and its answer's, whichever of the two protocols the pool speaks. */
import type { CgiResponseEvent, CgiResponseRules } from '../protocols/cgi-response/reader.ts';
import { CgiResponseReader } from '../protocols/cgi-response/reader.ts';
import type { EndRequest } from '../protocols/fastcgi/bodies.ts';
import {
  encodeRequestHead,
  encodeStdin,
  encodeStdinEnd,
  FastcgiClientReader,
} from '../protocols/fastcgi/client.ts';
import { ProtocolError } from '../protocols/protocol-error.ts';
import { encodeScgiHead } from '../protocols/scgi/client.ts';
import type { Param } from './params.ts';
import type { ClientProtocol } from './pool-target.ts';

/** `end` is null with SCGI, where closing the connection is the end. */
export type ExchangeEvent =
  | CgiResponseEvent
  | { readonly type: 'stderr'; readonly chunk: Buffer }
  | { readonly type: 'end'; readonly end: EndRequest | null };

export interface ExchangeCodec {
  /** What is sent before the body. */
  readonly head: Buffer;
  encodeBody(chunk: Buffer): Buffer[];
  /** What is sent behind the body. */
  readonly bodyEnd: Buffer | null;
  /** @throws ProtocolError */
  push(chunk: Buffer): Iterable<ExchangeEvent>;
  /** The program closed the connection. @throws ProtocolError when that was too early. */
  close(): void;
  /** The head, and as much body as its Content-Length says, have arrived. */
  isWhole(): boolean;
}

/** @param bodyBytes the length of the body, which SCGI has to know. @throws ProtocolError SCGI_HEADERS. */
export function createCodec(
  protocol: ClientProtocol,
  params: readonly Param[],
  bodyBytes: number,
): ExchangeCodec {
  return protocol === 'fastcgi' ? fastcgiCodec(params) : scgiCodec(params, bodyBytes);
}

function fastcgiCodec(params: readonly Param[]): ExchangeCodec {
  const records = new FastcgiClientReader();
  const answer = new AnswerCounter({}, params);
  return {
    head: encodeRequestHead(params),
    encodeBody: encodeStdin,
    bodyEnd: encodeStdinEnd(),
    *push(chunk) {
      for (const event of records.push(chunk)) {
        if (event.type === 'stdout') yield* answer.push(event.chunk);
        else yield event;
      }
    },
    close() {
      records.end();
      answer.end();
    },
    isWhole: () => answer.isWhole(),
  };
}

function scgiCodec(params: readonly Param[], bodyBytes: number): ExchangeCodec {
  const answer = new AnswerCounter({ statusLine: true }, params);
  return {
    head: encodeScgiHead(bodyBytes, params),
    encodeBody: chunk => [chunk],
    bodyEnd: null,
    push: chunk => answer.push(chunk),
    close: () => answer.end(),
    isWhole: () => answer.isWhole(),
  };
}

class AnswerCounter {
  readonly #reader: CgiResponseReader;
  readonly #isHead: boolean;
  #bodyBytes = 0;

  constructor(rules: Partial<CgiResponseRules>, params: readonly Param[]) {
    this.#reader = new CgiResponseReader(rules);
    this.#isHead = params.some(([name, value]) => name === 'REQUEST_METHOD' && value.toString() === 'HEAD');
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
