/** A listening socket that web servers connect to, in FastCGI or SCGI. */
import type { Answer } from './exchange.ts';

export type ServerProtocol = 'fastcgi' | 'scgi';

export interface ServerOptions {
  /** A listening socket; it is made non-blocking, for everybody who shares it. */
  readonly descriptor: number;
  readonly protocol: ServerProtocol;
  readonly answer: Answer;
  /** All variables of one request, in bytes. */
  readonly maxParamsBytes: number;
  /** Requests that one FastCGI connection may have open at once; further ones are answered with FCGI_OVERLOADED. */
  readonly maxRequestsPerConnection: number;
  /** What FCGI_GET_VALUES is told of FCGI_MAX_REQS. */
  readonly maxRequests: number;
  /** A connection that broke the protocol, once for each: one line for the log. */
  readonly complain: (problem: string) => void;
}

export interface Server {
  /**
   * Accepts no more, finishes what was accepted (a connection that has not brought its request yet is waited for), and
   * then resolves.
   */
  stop(): Promise<void>;
}
