/**
 * The application's side of FastCGI: the web server's bytes become events. Several requests may be open on one
 * connection, their records in any order (Specification 1.0, section 3.3). A request is open from its
 * FCGI_BEGIN_REQUEST until finish(), whatever comes in between; a refused one never is.
 */
import { ByteBuilder } from '../byte-builder.ts';
import { DEFAULT_MAX_PARAMS_BYTES } from '../param-limits.ts';
import { ProtocolError } from '../protocol-error.ts';
import { type BeginRequest, decodeBeginRequest } from './bodies.ts';
import { FCGI_NULL_REQUEST_ID, PROTOCOL_STATUS, RECORD, ROLE } from './constants.ts';
import { OpenRequest } from './open-request.ts';
import { decodePairs } from './pairs.ts';
import { type RecordPart, RecordReader } from './records.ts';
import type { FastcgiServerEvent } from './server-event.ts';

export {
  encodeEnd,
  encodeStderr,
  encodeStdout,
  encodeStdoutEnd,
  encodeUnknown,
  encodeValuesResult,
} from './answer.ts';
export type { FastcgiServerEvent } from './server-event.ts';

export interface FastcgiServerLimits {
  /** Of one request; more is a ProtocolError. */
  readonly maxParamsBytes: number;
  /**
   * Of all open requests of the connection, each parameter reckoned with PARAM_COST_BYTES more. The request
   * that is too much beside the others is refused as overloaded.
   */
  readonly maxOpenParamsBytes: number;
  /** Open at once. Where it is 1, a second one is refused as one that cannot be multiplexed. */
  readonly maxRequests: number;
}

/** Eight requests of the greatest size, so that where that is raised, this is too. */
const OPEN_PARAMS_FACTOR = 8;

function withDefaults(limits: Partial<FastcgiServerLimits>): FastcgiServerLimits {
  const maxParamsBytes = limits.maxParamsBytes ?? DEFAULT_MAX_PARAMS_BYTES;
  return {
    maxParamsBytes,
    maxOpenParamsBytes: OPEN_PARAMS_FACTOR * Math.max(maxParamsBytes, DEFAULT_MAX_PARAMS_BYTES),
    maxRequests: 64,
    ...limits,
  };
}

/** One byte more than FCGI_BEGIN_REQUEST has, so that a wrong size is seen. */
const MAX_BEGIN_BODY_BYTES = 9;

/** Reads the requests of one connection. */
export class FastcgiServerReader {
  readonly #limits: FastcgiServerLimits;
  readonly #records = new RecordReader();
  /** Of a record that is only understood as a whole. */
  readonly #content = new ByteBuilder();
  readonly #open = new Map<number, OpenRequest>();
  #heldBytes = 0;

  constructor(limits: Partial<FastcgiServerLimits> = {}) {
    this.#limits = withDefaults(limits);
  }

  /** True where the peer may close without cutting anything off: no request is open, no record half read. */
  get idle(): boolean {
    return this.#open.size === 0 && this.#records.atBoundary;
  }

  /** The request was answered: its id may be used again, and what still comes of it is passed over. */
  finish(requestId: number): void {
    this.#heldBytes -= this.#open.get(requestId)?.heldBytes ?? 0;
    this.#open.delete(requestId);
  }

  /**
   * To be read to its end: what a caller leaves of it is lost.
   * @throws ProtocolError FCGI_VERSION, FCGI_REQUEST_ID, FCGI_BODY, FCGI_ORDER, PAIRS_TOO_LONG, PAIRS_TRUNCATED;
   * the reader is of no use afterwards.
   */
  *push(chunk: Buffer): Generator<FastcgiServerEvent, void, undefined> {
    for (const part of this.#records.push(chunk)) {
      const event = this.#event(part);
      if (event !== null) yield event;
    }
  }

  #event(part: RecordPart): FastcgiServerEvent | null {
    const { type, requestId } = part.header;
    if (type === RECORD.beginRequest) return this.#takeBegin(part);
    if (requestId === FCGI_NULL_REQUEST_ID) return this.#takeManagement(part);
    const request = this.#open.get(requestId);
    // Section 3.3: a late record of a request that is over.
    return request === undefined ? null : this.#takeRequest(request, part);
  }

  #takeManagement({ header, content, last }: RecordPart): FastcgiServerEvent | null {
    if (header.type !== RECORD.getValues) {
      return last ? { type: 'unknown-type', recordType: header.type } : null;
    }
    this.#content.add(content);
    if (!last) return null;
    return { type: 'get-values', names: decodePairs(this.#content.take()).map(([name]) => name) };
  }

  #takeBegin({ header, content, last }: RecordPart): FastcgiServerEvent | null {
    this.#content.add(content.subarray(0, MAX_BEGIN_BODY_BYTES - this.#content.length));
    return last ? this.#begin(header.requestId, decodeBeginRequest(this.#content.take())) : null;
  }

  #begin(requestId: number, { role, keepConnection }: BeginRequest): FastcgiServerEvent | null {
    if (requestId === FCGI_NULL_REQUEST_ID) {
      throw new ProtocolError('FCGI_REQUEST_ID', 'a request with the id 0');
    }
    if (this.#open.has(requestId)) {
      throw new ProtocolError('FCGI_REQUEST_ID', `request ${requestId} is begun twice`);
    }
    const protocolStatus = this.#refusal(role);
    if (protocolStatus !== null) return { type: 'refused', requestId, keepConnection, protocolStatus };
    this.#open.set(requestId, new OpenRequest(requestId, keepConnection, this.#limits.maxParamsBytes));
    return null;
  }

  /** Section 5.5. */
  #refusal(role: number): number | null {
    if (role !== ROLE.responder) return PROTOCOL_STATUS.unknownRole;
    if (this.#open.size < this.#limits.maxRequests) return null;
    return this.#limits.maxRequests === 1 ? PROTOCOL_STATUS.cantMultiplex : PROTOCOL_STATUS.overloaded;
  }

  #takeRequest(request: OpenRequest, part: RecordPart): FastcgiServerEvent | null {
    const heldBefore = request.heldBytes;
    const event = request.take(part);
    this.#heldBytes += request.heldBytes - heldBefore;
    if (this.#heldBytes <= this.#limits.maxOpenParamsBytes) return event;
    // Bodies hold nothing, so it is this one's parameters that are too much beside those of the others.
    const { requestId, keepConnection } = request;
    this.finish(requestId);
    return { type: 'refused', requestId, keepConnection, protocolStatus: PROTOCOL_STATUS.overloaded };
  }
}
