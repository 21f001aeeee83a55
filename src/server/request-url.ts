/**
 * The address of a request, put together from its variables. The path and the query are what the client has sent, byte
 * for byte: what URL would take for something else (a backslash, a fragment, blanks that it drops) is escaped before.
 */
import { RefusedRequest } from './refused-request.ts';
import type { Variables } from './variables.ts';

/** A name or an address in brackets, with a port; no path, query, user or blank may hide in it. */
const HOST = /^(?:\[[\da-f:.]+\]|[^\s/?#@\\:[\]]+)(?::\d*)?$/i;
/** The form that a client sends to a proxy (RFC 9112, section 3.2.2): its host is the one that counts. */
const ABSOLUTE = /^https?:\/\/([^/?]*)(.*)$/is;

/**
 * From REQUEST_SCHEME or HTTPS, HTTP_HOST or SERVER_NAME and SERVER_PORT, REQUEST_URI or SCRIPT_NAME, PATH_INFO and
 * QUERY_STRING.
 * @throws {RefusedRequest} 400 when the client's host is none
 */
export function requestUrl(variables: Variables): string {
  const said = requestUri(variables);
  const [, absoluteHost, absoluteRest] = ABSOLUTE.exec(said) ?? [];
  const host = absoluteHost ?? variables.text('HTTP_HOST');
  const target = absoluteRest ?? said;
  const origin = `${scheme(variables)}://${host === '' ? serverHost(variables) : checkedHost(host)}`;
  // "*" is what OPTIONS asks of the whole server.
  const url = `${origin}${target.startsWith('/') ? '' : '/'}${escaped(target)}`;
  if (!URL.canParse(url)) throw new RefusedRequest(400, 'The Host field is not a host.');
  return url;
}

function scheme(variables: Variables): 'http' | 'https' {
  const named = variables.text('REQUEST_SCHEME').toLowerCase();
  if (named === 'http' || named === 'https') return named;
  return /^(on|1|https)$/i.test(variables.text('HTTPS')) ? 'https' : 'http';
}

function checkedHost(host: string): string {
  if (!HOST.test(host)) throw new RefusedRequest(400, 'The Host field is not a host.');
  return host;
}

/** What the web server calls itself may be a pattern; the client is not to blame for that. */
function serverHost(variables: Variables): string {
  const name = variables.text('SERVER_NAME');
  const bracketed = name.includes(':') && !name.startsWith('[') ? `[${name}]` : name;
  const port = variables.text('SERVER_PORT');
  const host = /^\d+$/.test(port) ? `${bracketed}:${port}` : bracketed;
  return HOST.test(host) && URL.canParse(`http://${host}/`) ? host : 'localhost';
}

/** Latin-1, a character a byte. */
function requestUri(variables: Variables): string {
  const uri = variables.bytes('REQUEST_URI');
  if (uri !== undefined && uri.length > 0) return uri.toString('latin1');
  const path = `${variables.latin1('SCRIPT_NAME')}${variables.latin1('PATH_INFO')}`;
  const query = variables.latin1('QUERY_STRING');
  // The web server has decoded these two.
  return `${path.replace(/[%?]/g, escapedByte)}${query === '' ? '' : `?${query}`}`;
}

/** Each of these would be dropped, changed, or taken for UTF-16 that it is not. */
function escaped(target: string): string {
  return target.replace(/[^!-~]|[#\\]/g, escapedByte);
}

function escapedByte(character: string): string {
  return `%${character.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`;
}
