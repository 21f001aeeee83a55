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
  const answer = new AnswerCounter({});
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
  const answer = new AnswerCounter({ statusLine: true });
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
  #bodyBytes = 0;

  constructor(rules: Partial<CgiResponseRules>) {
    this.#reader = new CgiResponseReader(rules);
  }

  push(chunk: Buffer): CgiResponseEvent[] {
    const events = this.#reader.push(chunk);
    for (const event of events) if (event.type === 'body') this.#bodyBytes += event.chunk.length;
    return events;
  }

  end(): void {
    this.#reader.end();
  }

  isWhole(): boolean {
    const length = this.#reader.head?.contentLengthBytes ?? null;
    return length !== null && this.#bodyBytes >= length;
  }
}
