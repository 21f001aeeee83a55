/**
 * The application's side of SCGI: one request per connection, its headers and as many bytes of body as its
 * CONTENT_LENGTH says. The answer is a CGI response without any framing; closing the connection ends it.
 */
import { parseContentLength } from '../content-length.ts';
import type { Pair } from '../pair.ts';
import { DEFAULT_MAX_PARAMS_BYTES } from '../param-limits.ts';
import { ProtocolError } from '../protocol-error.ts';
import { decodeScgiHeaders } from './headers.ts';
import { NetstringReader } from './netstring.ts';

export type ScgiServerEvent =
  /** CONTENT_LENGTH comes first among the params, and SCGI is one of them. */
  | {
      readonly type: 'request';
      readonly params: readonly Pair[];
      readonly contentLengthBytes: number;
    }
  /** The chunk is a view of what was pushed. */
  | { readonly type: 'body'; readonly chunk: Buffer }
  | { readonly type: 'body-end' };

/** Reads the one request of a connection. */
export class ScgiServerReader {
  readonly #netstring: NetstringReader;
  #hasBegun = false;
  /** Of the body; null before its length is known. */
  #bytesLeft: number | null = null;

  constructor(maxHeaderBytes: number = DEFAULT_MAX_PARAMS_BYTES) {
    this.#netstring = new NetstringReader(maxHeaderBytes);
  }

  /** True where the peer may close without cutting anything off: before the request, and after its body. */
  get idle(): boolean {
    return !this.#hasBegun || this.#bytesLeft === 0;
  }

  /**
   * Bytes after the body are no request's: whoever sends them has announced too little, and taken for the whole the
   * beginning would be wrong.
   * @throws ProtocolError SCGI_NETSTRING, SCGI_HEADERS, SCGI_TOO_LONG, SCGI_BODY; the reader is of no use afterwards.
   */
  *push(chunk: Buffer): Generator<ScgiServerEvent, void, undefined> {
    if (chunk.length > 0) this.#hasBegun = true;
    let rest = chunk;
    if (this.#bytesLeft === null) {
      const step = this.#netstring.push(chunk);
      if (step.content === null) return;
      const params = decodeScgiHeaders(step.content);
      const contentLengthBytes = parseLength(params[0]?.[1].toString('latin1') ?? '');
      this.#bytesLeft = contentLengthBytes;
      yield { type: 'request', params, contentLengthBytes };
      if (contentLengthBytes === 0) yield { type: 'body-end' };
      rest = step.rest;
    }
    const body = rest.subarray(0, this.#bytesLeft);
    if (body.length > 0) {
      this.#bytesLeft -= body.length;
      yield { type: 'body', chunk: body };
      if (this.#bytesLeft === 0) yield { type: 'body-end' };
    }
    if (rest.length > body.length) throw new ProtocolError('SCGI_BODY', LONGER_THAN_SAID);
  }
}

const LONGER_THAN_SAID =
  'the body is longer than its CONTENT_LENGTH; nginx sends such requests with "scgi_request_buffering off", remove that';

function parseLength(text: string): number {
  const length = parseContentLength(text);
  if (length === null) {
    throw new ProtocolError('SCGI_HEADERS', 'CONTENT_LENGTH is not a number of bytes');
  }
  return length;
}
