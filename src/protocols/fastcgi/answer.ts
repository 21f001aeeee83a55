/** What an application sends (FastCGI Specification 1.0): answers, and what it says of itself. */

import type { PairInput } from '../pair.ts';
import type { EndRequest } from './bodies.ts';
import { encodeEndRequest, encodeUnknownType } from './bodies.ts';
import { FCGI_NULL_REQUEST_ID, RECORD } from './constants.ts';
import { encodePairs } from './pairs.ts';
import { encodeRecord, encodeStream, encodeStreamEnd } from './records.ts';

/**
 * A piece of the answer, of any length, as buffers to be written in this order. Long pieces are not copied:
 * `bytes` must not change before they are written (see encodeStream).
 */
export function encodeStdout(requestId: number, bytes: Uint8Array): Buffer[] {
  return encodeStream(RECORD.stdout, requestId, bytes);
}

/** What the web server writes into its error log. As encodeStdout. */
export function encodeStderr(requestId: number, bytes: Uint8Array): Buffer[] {
  return encodeStream(RECORD.stderr, requestId, bytes);
}

/** The end of the answer, before encodeEnd. Web servers do without it; section 3.3 has it. */
export function encodeStdoutEnd(requestId: number): Buffer {
  return encodeStreamEnd(RECORD.stdout, requestId);
}

/** The end of the request (section 5.5). */
export function encodeEnd(requestId: number, end: EndRequest): Buffer {
  return encodeRecord(RECORD.endRequest, requestId, encodeEndRequest(end));
}

/** The answer to FCGI_GET_VALUES (section 4.1); names that are not known are left out. */
export function encodeValuesResult(values: Iterable<PairInput>): Buffer {
  return encodeRecord(RECORD.getValuesResult, FCGI_NULL_REQUEST_ID, encodePairs(values));
}

/** The answer to a management record of a type that is not known (section 4.2). */
export function encodeUnknown(recordType: number): Buffer {
  return encodeRecord(RECORD.unknownType, FCGI_NULL_REQUEST_ID, encodeUnknownType(recordType));
}
