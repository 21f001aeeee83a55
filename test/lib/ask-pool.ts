/** Requests to a pool over its own socket, without a web server in between: by the client that `request` uses. */
import { text } from 'node:stream/consumers';
import type { ConnectAddress } from '../../src/client/pool-target.ts';
import { sendRequest } from '../../src/client/send-request.ts';

export interface PoolRequest {
  readonly query?: string;
  /** For programs that run files. */
  readonly script?: string;
  readonly timeoutMs?: number;
}

/** The body of the answer; fails when there is none, or half of one. */
export async function askPool(address: ConnectAddress, request: PoolRequest = {}): Promise<string> {
  const { query = '', script, timeoutMs = 20_000 } = request;
  const answer = await sendRequest({
    address,
    protocol: 'fastcgi',
    params: [
      ['REQUEST_METHOD', 'GET'],
      ['QUERY_STRING', query],
      ['SERVER_PROTOCOL', 'HTTP/1.1'],
      ...(script === undefined ? [] : [['SCRIPT_FILENAME', script] as const]),
    ],
    body: null,
    timeoutMs,
  });
  const body = await text(answer.body);
  await answer.end;
  return body;
}

/** A Unix socket as an address. */
export function unixSocket(path: string): ConnectAddress {
  return { type: 'unix', path };
}
