/**
 * One request on its way in (FastCGI Specification 1.0, section 6.2): its parameters, then its body, and at
 * any time the wish that it be given up.
 */
import { ByteBuilder } from '../byte-builder.ts';
import { PARAM_COST_BYTES } from '../param-limits.ts';
import { ProtocolError } from '../protocol-error.ts';
import { RECORD } from './constants.ts';
import { decodePairs } from './pairs.ts';
import type { RecordHeader, RecordPart } from './records.ts';
import type { FastcgiServerEvent } from './server-event.ts';

type Stream = 'params' | 'body';

const STREAM_NAMES: Readonly<Record<Stream, string>> = { params: 'FCGI_PARAMS', body: 'FCGI_STDIN' };

export class OpenRequest {
  readonly requestId: number;
  readonly keepConnection: boolean;
  readonly #maxParamsBytes: number;
  /** The FCGI_PARAMS stream up to now; empty once it was handed over. */
  readonly #block = new ByteBuilder();
  #next: Stream | 'none' = 'params';
  #isAborted = false;
  #heldBytes = 0;

  constructor(requestId: number, keepConnection: boolean, maxParamsBytes: number) {
    this.requestId = requestId;
    this.keepConnection = keepConnection;
    this.#maxParamsBytes = maxParamsBytes;
  }

  /** About what its parameters take in memory, here or with the one who got them. */
  get heldBytes(): number {
    return this.#heldBytes;
  }

  /** @throws ProtocolError FCGI_ORDER, PAIRS_TOO_LONG, PAIRS_TRUNCATED. */
  take({ header, content }: RecordPart): FastcgiServerEvent | null {
    if (this.#isAborted) return null;
    switch (header.type) {
      case RECORD.params:
        return this.#isDue('params', header) ? this.#takeParams(header, content) : null;
      case RECORD.stdin:
        return this.#isDue('body', header) ? this.#takeBody(header, content) : null;
      case RECORD.abortRequest:
        return this.#abort();
      default:
        // What a responder does not know of, it passes over: FCGI_DATA, of filters.
        return null;
    }
  }

  #takeParams({ contentBytes }: RecordHeader, content: Buffer): FastcgiServerEvent | null {
    if (contentBytes === 0) return this.#completeParams();
    if (this.#block.length + content.length > this.#maxParamsBytes) {
      throw new ProtocolError(
        'PAIRS_TOO_LONG',
        `the FastCGI parameters exceed ${this.#maxParamsBytes} bytes`,
      );
    }
    this.#block.add(content);
    this.#heldBytes += content.length;
    return null;
  }

  #completeParams(): FastcgiServerEvent {
    const params = decodePairs(this.#block.take());
    this.#heldBytes += params.length * PARAM_COST_BYTES;
    this.#next = 'body';
    return { type: 'request', requestId: this.requestId, keepConnection: this.keepConnection, params };
  }

  #takeBody({ contentBytes }: RecordHeader, content: Buffer): FastcgiServerEvent {
    if (contentBytes > 0) return { type: 'body', requestId: this.requestId, chunk: content };
    this.#next = 'none';
    return { type: 'body-end', requestId: this.requestId };
  }

  #abort(): FastcgiServerEvent {
    this.#isAborted = true;
    if (this.#next === 'params') this.#heldBytes -= this.#block.take().length;
    return { type: 'abort', requestId: this.requestId, keepConnection: this.keepConnection };
  }

  /**
   * False for a second end of a stream that is over, which does no harm.
   * @throws ProtocolError FCGI_ORDER for content of a stream that is over, or that is not due yet.
   */
  #isDue(stream: Stream, { contentBytes }: RecordHeader): boolean {
    if (this.#next === stream) return true;
    const isOver = stream === 'params' || this.#next === 'none';
    if (isOver && contentBytes === 0) return false;
    const when = isOver ? 'after its end' : 'before the end of FCGI_PARAMS';
    throw new ProtocolError('FCGI_ORDER', `request ${this.requestId} has ${STREAM_NAMES[stream]} ${when}`);
  }
}
