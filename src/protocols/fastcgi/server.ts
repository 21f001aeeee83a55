/**
 * The application's side of FastCGI: the web server's bytes become events, an answer becomes records. One
 * request at a time per connection; a second one that is begun meanwhile is reported as such, to be refused
 * with FCGI_CANT_MPX_CONN (Specification 1.0, section 5.5), and its records are passed over.
 */
import { ByteBuilder } from '../byte-builder.ts';
import { ProtocolError } from '../protocol-error.ts';
import type { BeginRequest, EndRequest } from './bodies.ts';
import { decodeBeginRequest, encodeEndRequest, encodeUnknownType } from './bodies.ts';
import { FCGI_NULL_REQUEST_ID, RECORD } from './constants.ts';
import type { Pair, PairInput } from './pairs.ts';
import { encodePairs, PairReader } from './pairs.ts';
import type { RecordPart } from './records.ts';
import { encodeRecord, encodeStream, RecordReader } from './records.ts';

export type FastcgiServerEvent =
  | { readonly type: 'begin'; readonly requestId: number; readonly begin: BeginRequest }
  | { readonly type: 'second'; readonly requestId: number }
  | { readonly type: 'params'; readonly params: readonly Pair[] }
  | { readonly type: 'stdin'; readonly chunk: Buffer }
  | { readonly type: 'stdin-end' }
  | { readonly type: 'abort' }
  | { readonly type: 'get-values'; readonly names: readonly Buffer[] }
  | { readonly type: 'unknown-type'; readonly recordType: number };

export function encodeStdout(requestId: number, bytes: Uint8Array): Buffer[] {
  return encodeStream(RECORD.stdout, requestId, bytes);
}

export function encodeEnd(requestId: number, end: EndRequest): Buffer {
  return encodeRecord(RECORD.endRequest, requestId, encodeEndRequest(end));
}

export function encodeValuesResult(values: Iterable<PairInput>): Buffer {
  return encodeRecord(RECORD.getValuesResult, FCGI_NULL_REQUEST_ID, encodePairs(values));
}

export function encodeUnknown(recordType: number): Buffer {
  return encodeRecord(RECORD.unknownType, FCGI_NULL_REQUEST_ID, encodeUnknownType(recordType));
}

/** One byte more than FCGI_BEGIN_REQUEST has, so that a wrong size is seen. */
const MAX_BEGIN_BODY_BYTES = 9;

/** Reads the requests of one connection. Call finish() when a request was answered: then the next may begin. */
export class FastcgiServerReader {
  readonly #records = new RecordReader();
  readonly #body = new ByteBuilder();
  readonly #maxParamsBytes: number | undefined;
  #pairs: PairReader;
  #params: Pair[] = [];
  #requestId: number | null = null;

  constructor(maxParamsBytes?: number) {
    this.#maxParamsBytes = maxParamsBytes;
    this.#pairs = new PairReader(maxParamsBytes);
  }

  /** The request that is being read or answered. */
  get requestId(): number | null {
    return this.#requestId;
  }

  /** True where the peer may close without cutting anything off. */
  get idle(): boolean {
    return this.#requestId === null && this.#records.atBoundary;
  }

  /** What still comes of this request is passed over. */
  finish(): void {
    this.#requestId = null;
  }

  /** @throws ProtocolError FCGI_VERSION, FCGI_REQUEST_ID, FCGI_BODY, PAIRS_TOO_LONG, PAIRS_TRUNCATED. */
  *push(chunk: Buffer): Generator<FastcgiServerEvent, void, undefined> {
    for (const part of this.#records.push(chunk)) {
      const event =
        part.header.requestId === FCGI_NULL_REQUEST_ID ? this.#management(part) : this.#application(part);
      if (event !== null) yield event;
    }
  }

  #management({ header, content, last }: RecordPart): FastcgiServerEvent | null {
    if (header.type === RECORD.beginRequest) {
      throw new ProtocolError('FCGI_REQUEST_ID', 'a request with the id 0');
    }
    if (header.type !== RECORD.getValues) {
      return last ? { type: 'unknown-type', recordType: header.type } : null;
    }
    this.#body.add(content);
    if (!last) return null;
    const reader = new PairReader(this.#maxParamsBytes);
    const names = reader.push(this.#body.take()).map(([name]) => name);
    reader.end();
    return { type: 'get-values', names };
  }

  #application(part: RecordPart): FastcgiServerEvent | null {
    const { header, content, last } = part;
    if (header.type === RECORD.beginRequest) return this.#begin(part);
    if (header.requestId !== this.#requestId) return null;
    switch (header.type) {
      case RECORD.params:
        return this.#takeParams(content, header.contentBytes === 0);
      case RECORD.stdin:
        if (content.length > 0) return { type: 'stdin', chunk: content };
        return header.contentBytes === 0 ? { type: 'stdin-end' } : null;
      case RECORD.abortRequest:
        return last ? { type: 'abort' } : null;
      default:
        // Section 3.3: what a role does not know of, it passes over (FCGI_DATA, of filters).
        return null;
    }
  }

  #begin({ header, content, last }: RecordPart): FastcgiServerEvent | null {
    this.#body.add(content.subarray(0, MAX_BEGIN_BODY_BYTES - this.#body.length));
    if (!last) return null;
    const begin = decodeBeginRequest(this.#body.take());
    if (this.#requestId !== null) return { type: 'second', requestId: header.requestId };
    this.#requestId = header.requestId;
    this.#pairs = new PairReader(this.#maxParamsBytes);
    this.#params = [];
    return { type: 'begin', requestId: header.requestId, begin };
  }

  #takeParams(content: Buffer, isEnd: boolean): FastcgiServerEvent | null {
    if (!isEnd) {
      for (const pair of this.#pairs.push(content)) this.#params.push(pair);
      return null;
    }
    this.#pairs.end();
    return { type: 'params', params: this.#params };
  }
}
