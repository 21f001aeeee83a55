/**
 * What a CGI program says before its body (RFC 3875, section 6): the header fields, and what a web server
 * makes of Status and Location.
 */
import { parseContentLength } from '../content-length.ts';
import type { Pair } from '../pair.ts';
import { ProtocolError } from '../protocol-error.ts';

/**
 * RFC 3875, sections 6.2.1 to 6.2.4. A local redirect is a Location that begins with "/" without a Status;
 * whether to follow it is the web server's affair (Apache does, nginx sends it to the client as 302).
 */
export type ResponseKind = 'document' | 'local-redirect' | 'client-redirect' | 'client-redirect-document';

export interface ResponseHead {
  readonly kind: ResponseKind;
  readonly status: number;
  /** What stood behind the number, or the empty string. */
  readonly reason: string;
  /** All fields but Status, in their order, names as written; bytes above 0x7f as Latin-1, as Node's HTTP has them. */
  readonly fields: readonly Pair<string>[];
  readonly location: string | null;
  readonly contentType: string | null;
  readonly contentLengthBytes: number | null;
}

export interface StatusLine {
  readonly status: number;
  readonly reason: string;
}

/** Fields of which two make no sense; RFC 3875, section 6.3, forbids it for its own three. */
const SINGLE_FIELDS: ReadonlySet<string> = new Set(['status', 'location', 'content-type', 'content-length']);

/**
 * @param statusLine an HTTP status line where the program sent one (SCGI programs may, see the reader).
 * @throws ProtocolError CGI_NO_HEADERS, CGI_DUPLICATE, CGI_STATUS, CGI_LENGTH.
 */
export function buildHead(lines: readonly Pair<string>[], statusLine: StatusLine | null): ResponseHead {
  if (lines.length === 0 && statusLine === null) {
    throw new ProtocolError('CGI_NO_HEADERS', 'the answer has no header fields');
  }
  const single = collectSingle(lines);
  const statusText = single.get('status');
  const said = statusText === undefined ? statusLine : parseStatus(statusText);
  const location = single.get('location') ?? null;
  const fields = lines.filter(([name]) => name.toLowerCase() !== 'status');
  return {
    kind: classify(location, said !== null, fields),
    status: said?.status ?? (location === null ? 200 : 302),
    reason: said?.reason ?? '',
    fields,
    location,
    contentType: single.get('content-type') ?? null,
    contentLengthBytes: parseLength(single.get('content-length')),
  };
}

function collectSingle(lines: readonly Pair<string>[]): Map<string, string> {
  const single = new Map<string, string>();
  for (const [name, value] of lines) {
    const key = name.toLowerCase();
    if (!SINGLE_FIELDS.has(key)) continue;
    if (single.has(key)) throw new ProtocolError('CGI_DUPLICATE', `the answer has two ${name} fields`);
    single.set(key, value);
  }
  return single;
}

/** Status = "Status:" 3digit SP reason (section 6.3.3); the reason may be missing, as nginx takes it. */
function parseStatus(text: string): StatusLine {
  const match = /^([2-9]\d\d)(?:[ \t]+(.*))?$/.exec(text);
  if (match === null)
    throw new ProtocolError('CGI_STATUS', 'Status is not a number from 200 to 999 and a reason');
  return { status: Number(match[1]), reason: match[2] ?? '' };
}

/** A status line such as `HTTP/1.1 404 Not Found`. @throws ProtocolError CGI_STATUS. */
export function parseStatusLine(line: string): StatusLine {
  const match = /^HTTP\/\d\.\d[ \t]+(.*)$/.exec(line);
  if (match === null) throw new ProtocolError('CGI_STATUS', 'the status line is not one of HTTP');
  return parseStatus(match[1] ?? '');
}

function parseLength(text: string | undefined): number | null {
  if (text === undefined) return null;
  const length = parseContentLength(text);
  if (length === null) {
    throw new ProtocolError('CGI_LENGTH', 'Content-Length is not a number of bytes');
  }
  return length;
}

function classify(
  location: string | null,
  hasStatus: boolean,
  fields: readonly Pair<string>[],
): ResponseKind {
  if (location === null) return 'document';
  if (location.startsWith('/') && !hasStatus) return 'local-redirect';
  const hasContent = fields.some(([name]) => name.toLowerCase() === 'content-type');
  return hasStatus || hasContent ? 'client-redirect-document' : 'client-redirect';
}
