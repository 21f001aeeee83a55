/** A request as the web knows it, made of the variables that a web server sends (RFC 3875, section 4.1). */
import { parseContentLength } from '../protocols/content-length.ts';
import { RefusedRequest } from './refused-request.ts';
import { requestUrl } from './request-url.ts';
import type { Variables } from './variables.ts';

const TOKEN = /^[!#$%&'*+\-.^_`|~\dA-Za-z]+$/;
/** Request does not know them: they are for proxies (CONNECT) or show what should not be shown (Fetch, section 2.2.1). */
const NOT_FOR_PROGRAMS = /^(CONNECT|TRACE|TRACK)$/i;

/** Everything but the body, checked. */
export interface RequestHead {
  readonly url: string;
  readonly method: string;
  readonly headers: Headers;
  /** Null where nobody says it: then the body is as long as it is. */
  readonly contentLengthBytes: number | null;
}

/** @throws {RefusedRequest} what Request cannot hold, or HTTP does not allow */
export function readRequestHead(variables: Variables): RequestHead {
  return {
    method: requestMethod(variables),
    url: requestUrl(variables),
    headers: requestHeaders(variables),
    contentLengthBytes: contentLength(variables),
  };
}

/** Whether a request with this method can have a body at all, as Request sees it; that of others is passed over. */
export function mayHaveBody(method: string): boolean {
  return method !== 'GET' && method !== 'HEAD';
}

function requestMethod(variables: Variables): string {
  const method = variables.latin1('REQUEST_METHOD');
  if (method === '') {
    throw new RefusedRequest(
      500,
      'Internal Server Error',
      'a request without REQUEST_METHOD: the web server has to send the variables of CGI, with nginx by "include fastcgi_params;" or "include scgi_params;"',
    );
  }
  if (NOT_FOR_PROGRAMS.test(method)) throw new RefusedRequest(501, `${method.toUpperCase()} is not served.`);
  if (!TOKEN.test(method)) throw new RefusedRequest(400, 'The method is not one of HTTP.');
  // As Request does it: "get" is GET, while others are told apart by their letters.
  return /^(get|head|post|put|delete|options)$/i.test(method) ? method.toUpperCase() : method;
}

/** HTTP_* are the fields of the request; the two that describe its body have names of their own. */
function requestHeaders(variables: Variables): Headers {
  const headers = new Headers();
  try {
    for (const [name, value] of variables) {
      if (name.startsWith('HTTP_')) headers.set(fieldName(name.slice(5)), value.toString('latin1'));
    }
    for (const name of ['CONTENT_TYPE', 'CONTENT_LENGTH']) {
      const value = variables.latin1(name);
      if (value !== '') headers.set(fieldName(name), value);
    }
  } catch {
    throw new RefusedRequest(400, 'A field of the request is not one of HTTP.');
  }
  return headers;
}

function fieldName(variable: string): string {
  return variable.replaceAll('_', '-');
}

function contentLength(variables: Variables): number | null {
  const said = variables.latin1('CONTENT_LENGTH');
  if (said === '') return null;
  const length = parseContentLength(said);
  if (length === null) throw new RefusedRequest(400, 'Content-Length is not a number of bytes.');
  return length;
}
