/**
 * The CGI environment of a request (RFC 3875, section 4.1), as nginx sends it with its fastcgi_params, a
 * SCRIPT_FILENAME below the document root and the usual split of PATH_INFO. With a document root the path
 * names a script; without one the program is the application of the whole site, and the path is PATH_INFO.
 */
import type { Pair } from '../protocols/pair.ts';
import type { TargetPath } from './target-path.ts';

/** A value as text (sent as UTF-8) or as the bytes that came. */
export type Param = Pair<string, string | Buffer>;

export interface RequestFacts {
  readonly method: string;
  /** As it came, for REQUEST_URI. */
  readonly target: string;
  readonly path: TargetPath;
  /** Such as `HTTP/1.1`. */
  readonly httpVersion: string;
  readonly scheme: 'http' | 'https';
  /** In their order, Latin-1, repeated names included. */
  readonly headers: readonly Pair<string>[];
  /** Null when there is no body. */
  readonly contentLengthBytes: number | null;
  readonly remote: Endpoint;
  readonly local: Endpoint;
  readonly serverName: string;
}

export interface Endpoint {
  readonly address: string;
  readonly port: number;
}

export interface PoolParams {
  readonly documentRoot?: string | undefined;
  readonly index: string;
  readonly params: Readonly<Record<string, string>>;
}

/** Every parameter once; the pool's own `params` win. */
export function buildParams(request: RequestFacts, pool: PoolParams): Param[] {
  const params = new Map<string, string | Buffer>([
    ['QUERY_STRING', bytes(request.path.query)],
    ['REQUEST_METHOD', request.method],
    ['CONTENT_TYPE', bytes(headerValue(request, 'content-type'))],
    ['CONTENT_LENGTH', request.contentLengthBytes === null ? '' : String(request.contentLengthBytes)],
    ...scriptParams(request.path.path, pool),
    ['REQUEST_URI', bytes(request.target)],
    ['DOCUMENT_URI', request.path.path],
    ['SERVER_PROTOCOL', request.httpVersion],
    ['REQUEST_SCHEME', request.scheme],
    ['GATEWAY_INTERFACE', 'CGI/1.1'],
    ['SERVER_SOFTWARE', 'fpm-ts'],
    ['REMOTE_ADDR', request.remote.address],
    ['REMOTE_PORT', String(request.remote.port)],
    ['SERVER_ADDR', request.local.address],
    ['SERVER_PORT', String(request.local.port)],
    ['SERVER_NAME', bytes(request.serverName)],
    // php-cgi with cgi.force_redirect refuses to run a script without it.
    ['REDIRECT_STATUS', '200'],
  ]);
  if (request.scheme === 'https') params.set('HTTPS', 'on');
  for (const [name, value] of httpParams(request)) params.set(name, value);
  for (const [name, value] of Object.entries(pool.params)) params.set(name, value);
  return [...params];
}

/**
 * The first path segment that ends so is the script, what follows is PATH_INFO; nginx's documentation does
 * it with `^(.+?\.php)(/.*)$`. No look at the disk: the front may not be allowed to see the scripts.
 */
const SCRIPT_AND_REST = /^(.+?\.(?:php|phar|cgi|fcgi|pl|py|rb|lua|sh))(\/.*)$/s;

function scriptParams(path: Buffer, pool: PoolParams): Param[] {
  if (pool.documentRoot === undefined) {
    return [
      ['SCRIPT_NAME', ''],
      ['PATH_INFO', path],
    ];
  }
  const root = Buffer.from(pool.documentRoot.replace(/\/+$/, ''), 'utf8');
  const text = path.toString('latin1');
  const named =
    text.endsWith('/') && !SCRIPT_AND_REST.test(text) ? `${text}${utf8AsLatin1(pool.index)}` : text;
  const split = SCRIPT_AND_REST.exec(named);
  const script = bytes(split?.[1] ?? named);
  const rest = bytes(split?.[2] ?? '');
  const params: Param[] = [
    ['SCRIPT_NAME', script],
    ['SCRIPT_FILENAME', Buffer.concat([root, script])],
    ['DOCUMENT_ROOT', root],
    ['PATH_INFO', rest],
  ];
  if (rest.length > 0) params.push(['PATH_TRANSLATED', Buffer.concat([root, rest])]);
  return params;
}

/**
 * Fields that concern only the connection (RFC 3875, section 4.1.18), those that have a parameter of their
 * own, and Proxy, from which libraries would take the proxy for their own requests (httpoxy).
 */
const NOT_PASSED: ReadonlySet<string> = new Set([
  'connection',
  'content-length',
  'content-type',
  'expect',
  'keep-alive',
  'proxy',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]);

/** nginx's ignore_invalid_headers: with an underscore `X_Y` could pass for `X-Y`. */
const PASSABLE_NAME = /^[A-Za-z0-9-]+$/;

function httpParams(request: RequestFacts): Map<string, Buffer> {
  const values = new Map<string, string[]>();
  for (const [name, value] of request.headers) {
    const key = name.toLowerCase();
    if (NOT_PASSED.has(key) || !PASSABLE_NAME.test(name)) continue;
    const known = values.get(key);
    if (known === undefined) values.set(key, [value]);
    else known.push(value);
  }
  const params = new Map<string, Buffer>();
  for (const [key, several] of values) {
    const name = `HTTP_${key.toUpperCase().replaceAll('-', '_')}`;
    params.set(name, bytes(several.join(key === 'cookie' ? '; ' : ', ')));
  }
  return params;
}

function headerValue(request: RequestFacts, wanted: string): string {
  return request.headers.find(([name]) => name.toLowerCase() === wanted)?.[1] ?? '';
}

function bytes(latin1: string): Buffer {
  return Buffer.from(latin1, 'latin1');
}

function utf8AsLatin1(text: string): string {
  return Buffer.from(text, 'utf8').toString('latin1');
}
