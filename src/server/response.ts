/** A Response as a CGI program says it (RFC 3875, section 6): its head in bytes, its body piece by piece. */
import { STATUS_CODES } from 'node:http';
import { encodeHead } from '../protocols/cgi-response/encode.ts';
import type { Pair } from '../protocols/pair.ts';

/**
 * Status is said beside the fields, and the rest belongs to one connection (RFC 9110, section 7.6.1): an answer that a
 * program has fetched from elsewhere, and passes on, has them.
 */
const NOT_PASSED: ReadonlySet<string> = new Set([
  'status',
  'connection',
  'keep-alive',
  'proxy-connection',
  'te',
  'transfer-encoding',
  'upgrade',
]);
const REASON = /^[\t -~]*$/;

/**
 * What a handler has returned, as a Response; a class of another library's will do.
 * @throws TypeError for what is none, or has been sent already
 */
export function asResponse(value: unknown): Response {
  if (!isResponse(value)) throw new TypeError(`the handler returned ${nameOf(value)}, not a Response`);
  if (value.status < 200 || value.status > 599) {
    throw new TypeError(
      `the handler returned a Response with the status ${value.status}, which is not one of 200 to 599`,
    );
  }
  if (value.bodyUsed || value.body?.locked === true) {
    throw new TypeError(
      'the handler returned a Response whose body is read already: each request needs its own',
    );
  }
  return value;
}

/** @throws ProtocolError CGI_HEADER for a name or value that HTTP does not allow; a native Response has none. */
export function encodeResponseHead(response: Response): Buffer {
  const fields: Pair<string>[] = [...response.headers].filter(
    ([name]) => !NOT_PASSED.has(name.toLowerCase()),
  );
  const hasLocation = fields.some(([name]) => name.toLowerCase() === 'location');
  const said = REASON.test(response.statusText) ? response.statusText : '';
  return encodeHead({
    // With a status a redirect is the program's own, and no web server makes another request of it.
    kind: hasLocation ? 'client-redirect-document' : 'document',
    status: response.status,
    reason: said === '' ? (STATUS_CODES[response.status] ?? '') : said,
    fields,
  });
}

/** A piece of a body as a Buffer, without a copy. @throws TypeError for what is not bytes */
export function asBytes(piece: unknown): Buffer {
  if (piece instanceof Uint8Array) return Buffer.from(piece.buffer, piece.byteOffset, piece.byteLength);
  throw new TypeError(
    `the body of the Response has ${nameOf(piece)} in it, not bytes: text goes through new TextEncoderStream()`,
  );
}

function isResponse(value: unknown): value is Response {
  if (value instanceof Response) return true;
  return Object.prototype.toString.call(value) === '[object Response]';
}

function nameOf(value: unknown): string {
  if (value === null || value === undefined) return String(value);
  if (typeof value === 'object') return `a value of ${value.constructor?.name ?? 'an unnamed class'}`;
  return `a ${typeof value}`;
}
