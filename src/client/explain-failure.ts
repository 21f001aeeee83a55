/** What a person should read when a pool does not answer: which pool, which socket, and what to look at. */

import { printable } from '../printable.ts';
import { ProtocolError } from '../protocols/protocol-error.ts';
import { ClientError } from './client-error.ts';
import type { Route } from './pool-target.ts';
import { describeAddress } from './pool-target.ts';

export interface Explanation {
  /** What a web server answers in this case. */
  readonly status: number;
  /** One line. */
  readonly text: string;
}

/** @throws the error itself when it is not about the pool. */
export function explainFailure(poolName: string, route: Route, error: unknown): Explanation {
  const { status, text } = explain(poolName, route, error);
  return { status, text: printable(text) }; // it may quote the program
}

function explain(poolName: string, route: Route, error: unknown): Explanation {
  if (error instanceof ProtocolError)
    return { status: 400, text: `the request cannot be sent: ${error.message}` };
  if (!(error instanceof ClientError)) throw error;
  const who = `pool ${poolName} at ${describeAddress(route.address)}`;
  switch (error.code) {
    case 'CONNECT':
      return { status: 502, text: `${who} cannot be reached: ${connectReason(error, poolName)}` };
    case 'TIMEOUT':
      return { status: 504, text: `${who} did not answer: ${error.message}; see fpm-ts status ${poolName}` };
    case 'PROTOCOL':
      return {
        status: 502,
        text: `${who} does not answer as protocol = "${route.protocol}" has it: ${error.message}`,
      };
    case 'OVERLOADED':
      return { status: 503, text: `${who} is overloaded: ${error.message}` };
    case 'SOURCE':
    case 'ABORTED':
      return { status: 400, text: error.message };
    case 'CLOSED':
      return { status: 502, text: `${who} broke its answer off: ${error.message}; the log may say why` };
    case 'REFUSED':
      return { status: 502, text: `${who}: ${error.message}; the log may say why` };
  }
}

function connectReason(error: ClientError, poolName: string): string {
  switch (error.errno ?? '') {
    case 'ENOENT':
      return `there is no such socket; is the pool started? See fpm-ts status ${poolName}`;
    case 'ECONNREFUSED':
      return `nobody listens there; is the pool started? See fpm-ts status ${poolName}`;
    case 'EACCES':
      return 'this user may not connect; see listen.owner, listen.group and listen.mode';
    case 'EAGAIN':
      return `its queue is full; all workers are busy. See fpm-ts status ${poolName}`;
    default:
      return error.message;
  }
}
