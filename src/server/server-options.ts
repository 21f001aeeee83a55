/** What a server is told when it begins. */
import type { Poller } from '../os/poller.ts';
import type { Answer } from './exchange.ts';

export type ServerProtocol = 'fastcgi' | 'scgi';

export interface ServerOptions {
  /** A listening socket; it is made non-blocking, for everybody who shares it. */
  readonly descriptor: number;
  readonly protocol: ServerProtocol;
  /** Closed by whoever made it, when the server has stopped. */
  readonly poller: Poller;
  readonly answer: Answer;
  /** All variables of one request, in bytes. */
  readonly maxParamsBytes: number;
  /** Requests that one FastCGI connection may have open at once; further ones are answered with FCGI_OVERLOADED. */
  readonly maxRequestsPerConnection: number;
  /** What FCGI_GET_VALUES is told of FCGI_MAX_REQS. */
  readonly maxRequests: number;
  /** How long a connection may take to bring its request; 60 s where it is not said. */
  readonly requestWithinMs?: number;
  /** A connection that broke the protocol, once for each: one line for the log. */
  readonly complain: (problem: string) => void;
}
