/**
 * The web server's side of FastCGI: a request becomes bytes, the application's bytes become events. One
 * request per connection, as web servers do it, so one id suffices.
 */
import { ByteBuilder } from '../byte-builder.ts';
import type { PairInput } from '../pair.ts';
import { ProtocolError } from '../protocol-error.ts';
import type { EndRequest } from './bodies.ts';
import { decodeEndRequest, encodeBeginRequest } from './bodies.ts';
import { FCGI_NULL_REQUEST_ID, RECORD, ROLE } from './constants.ts';
import { encodePairs } from './pairs.ts';
import type { RecordPart } from './records.ts';
import { encodeRecord, encodeStream, encodeStreamEnd, RecordReader } from './records.ts';

/** The id that nginx, lighttpd and this client use. */
export const CLIENT_REQUEST_ID = 1;

/** Everything before the body: FCGI_BEGIN_REQUEST and the whole FCGI_PARAMS stream (section 6.2). */
export function encodeRequestHead(params: Iterable<PairInput>): Buffer {
  const begin = encodeBeginRequest({ role: ROLE.responder, keepConnection: false });
  return Buffer.concat([
    encodeRecord(RECORD.beginRequest, CLIENT_REQUEST_ID, begin),
    ...encodeStream(RECORD.params, CLIENT_REQUEST_ID, encodePairs(params)),
    encodeStreamEnd(RECORD.params, CLIENT_REQUEST_ID),
  ]);
}

/** A piece of the body, of any size. */
export function encodeStdin(bytes: Uint8Array): Buffer[] {
  return encodeStream(RECORD.stdin, CLIENT_REQUEST_ID, bytes);
}

/** The end of the body; a request without a body needs it too. */
export function encodeStdinEnd(): Buffer {
  return encodeStreamEnd(RECORD.stdin, CLIENT_REQUEST_ID);
}

export type FastcgiClientEvent =
  | { readonly type: 'stdout'; readonly chunk: Buffer }
  | { readonly type: 'stderr'; readonly chunk: Buffer }
  | { readonly type: 'end'; readonly end: EndRequest };

/** Longer than FCGI_END_REQUEST's body, so that a wrong size is seen, and no more is kept. */
const MAX_END_BODY_BYTES = 9;

/** Reads what the application answers to the one request of this connection. */
export class FastcgiClientReader {
  readonly #records = new RecordReader();
  readonly #endBody = new ByteBuilder();
  #ended = false;

  /** True once FCGI_END_REQUEST has arrived. */
  get ended(): boolean {
    return this.#ended;
  }

  /**
   * @throws ProtocolError FCGI_VERSION, FCGI_RECORD_TYPE, FCGI_REQUEST_ID, FCGI_BODY, FCGI_AFTER_END.
   * Management records that nobody asked for are passed over.
   */
  *push(chunk: Buffer): Generator<FastcgiClientEvent, void, undefined> {
    for (const part of this.#records.push(chunk)) {
      const event = this.#event(part);
      if (event !== null) yield event;
    }
  }

  /** The connection was closed. @throws ProtocolError FCGI_TRUNCATED when the answer was not over. */
  end(): void {
    if (!this.#ended) {
      throw new ProtocolError('FCGI_TRUNCATED', 'the connection was closed before FCGI_END_REQUEST');
    }
  }

  #event({ header, content, last }: RecordPart): FastcgiClientEvent | null {
    if (header.requestId === FCGI_NULL_REQUEST_ID) return this.#management(header.type);
    if (header.requestId !== CLIENT_REQUEST_ID) {
      throw new ProtocolError(
        'FCGI_REQUEST_ID',
        `an answer to request ${header.requestId}, which was not sent`,
      );
    }
    if (this.#ended) throw new ProtocolError('FCGI_AFTER_END', 'a record after FCGI_END_REQUEST');
    switch (header.type) {
      case RECORD.stdout:
        return content.length > 0 ? { type: 'stdout', chunk: content } : null;
      case RECORD.stderr:
        return content.length > 0 ? { type: 'stderr', chunk: content } : null;
      case RECORD.endRequest:
        return this.#endRequest(content, last);
      default:
        throw new ProtocolError('FCGI_RECORD_TYPE', `a record of type ${header.type} from the application`);
    }
  }

  #management(type: number): null {
    if (type === RECORD.getValuesResult || type === RECORD.unknownType) return null;
    throw new ProtocolError('FCGI_RECORD_TYPE', `a management record of type ${type} from the application`);
  }

  #endRequest(content: Buffer, last: boolean): FastcgiClientEvent | null {
    this.#endBody.add(content.subarray(0, MAX_END_BODY_BYTES - this.#endBody.length));
    if (!last) return null;
    this.#ended = true;
    return { type: 'end', end: decodeEndRequest(this.#endBody.take()) };
  }
}
