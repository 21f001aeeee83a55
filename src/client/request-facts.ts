/** A request as somebody typed it on the command line, as the facts that parameters are built from. */
import { FpmError } from '../errors.ts';
import type { Pair } from '../protocols/pair.ts';
import type { RequestFacts } from './params.ts';
import { parseTarget } from './target-path.ts';

export interface TypedRequest {
  readonly target: string;
  readonly method?: string | undefined;
  readonly headers?: readonly string[] | undefined;
}

const LOOPBACK = { address: '127.0.0.1', port: 80 };

/** @throws FpmError USAGE for a target, method or header that HTTP would not carry. */
export function typedFacts(request: TypedRequest, contentLengthBytes: number | null): RequestFacts {
  // What was typed is UTF-8; from here on it is bytes, written as Latin-1 as an HTTP server would have it.
  const target = Buffer.from(request.target, 'utf8').toString('latin1');
  const path = parseTarget(target);
  if (path === null) {
    throw new FpmError(
      'USAGE',
      `${JSON.stringify(request.target)} is not a path: it begins with / and stays below it`,
    );
  }
  const method = request.method ?? (contentLengthBytes === null ? 'GET' : 'POST');
  if (!/^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/.test(method)) {
    throw new FpmError('USAGE', `${JSON.stringify(method)} is not a method such as GET`);
  }
  const headers = headersOf(request.headers ?? []);
  const host = headers.find(([name]) => name.toLowerCase() === 'host')?.[1] ?? 'localhost';
  return {
    method,
    target,
    path,
    httpVersion: 'HTTP/1.1',
    scheme: 'http',
    headers: withDefaults(headers, contentLengthBytes !== null),
    contentLengthBytes,
    remote: LOOPBACK,
    local: LOOPBACK,
    serverName: host.replace(/:\d+$/, ''),
  };
}

function headersOf(lines: readonly string[]): Pair<string>[] {
  return lines.map(line => {
    const match = /^([A-Za-z0-9-]+):[ \t]*([^\r\n\0]*)$/.exec(line);
    if (match === null) {
      throw new FpmError('USAGE', `${JSON.stringify(line)} is not a header such as "Accept: text/html"`);
    }
    return [match[1] ?? '', Buffer.from(match[2] ?? '', 'utf8').toString('latin1')];
  });
}

/** curl's own defaults, so that an application sees what it would see from curl. */
function withDefaults(headers: readonly Pair<string>[], hasBody: boolean): Pair<string>[] {
  const defaults: Pair<string>[] = [
    ['Host', 'localhost'],
    ['User-Agent', 'fpm-ts'],
    ['Accept', '*/*'],
  ];
  if (hasBody) defaults.push(['Content-Type', 'application/x-www-form-urlencoded']);
  const given = new Set(headers.map(([name]) => name.toLowerCase()));
  return [...defaults.filter(([name]) => !given.has(name.toLowerCase())), ...headers];
}
