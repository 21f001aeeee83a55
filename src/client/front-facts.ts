/** An HTTP request as it came in, as the facts that parameters are built from. */
import type { IncomingMessage } from 'node:http';
import type { Pair } from '../protocols/pair.ts';
import type { RequestFacts } from './params.ts';
import { parseTarget } from './target-path.ts';

/**
 * @param contentLengthBytes null where there is no body.
 * @returns null for a request that nginx answers with 400.
 */
export function incomingFacts(
  request: IncomingMessage,
  contentLengthBytes: number | null,
): RequestFacts | null {
  const target = request.url ?? '';
  const path = parseTarget(target);
  const hosts = request.headersDistinct.host ?? [];
  if (path === null || hosts.length > 1) return null;
  const { socket } = request;
  const local = { address: socket.localAddress ?? '', port: socket.localPort ?? 0 };
  return {
    method: request.method ?? 'GET',
    target,
    path,
    httpVersion: `HTTP/${request.httpVersion}`,
    scheme: 'http',
    headers: pairs(request.rawHeaders),
    contentLengthBytes,
    remote: { address: socket.remoteAddress ?? '', port: socket.remotePort ?? 0 },
    local,
    serverName: hosts[0]?.replace(/:\d*$/, '') ?? local.address,
  };
}

/** The declared length; null where none is declared, chunked bodies included. */
export function declaredLength(request: IncomingMessage): number | null {
  const text = request.headers['content-length'];
  return text === undefined ? null : Number(text);
}

export function isChunked(request: IncomingMessage): boolean {
  return request.headers['transfer-encoding'] !== undefined;
}

function pairs(flat: readonly string[]): Pair<string>[] {
  const found: Pair<string>[] = [];
  for (let at = 0; at + 1 < flat.length; at += 2) found.push([flat[at] ?? '', flat[at + 1] ?? '']);
  return found;
}
