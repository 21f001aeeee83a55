/** A listening socket that web servers connect to, in FastCGI or SCGI. */
import { FpmError } from '../errors.ts';
import { setNonblocking } from '../os/descriptor.ts';
import { DescriptorTable } from '../os/descriptor-table.ts';
import type { Poller } from '../os/poller.ts';
import { isListening, isUnixSocket, sendAtOnce } from '../os/stream-socket.ts';
import { Acceptor } from './acceptor.ts';
import { Deadlines } from './deadlines.ts';
import type { Answer } from './exchange.ts';
import { FastcgiConnection } from './fastcgi-connection.ts';
import { ScgiConnection } from './scgi-connection.ts';
import type { AcceptedConnection, ServerContext } from './server-context.ts';

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

export interface Server {
  /**
   * Accepts no more, finishes what was accepted (a connection that has not brought its request yet is waited for), and
   * then resolves.
   */
  stop(): Promise<void>;
}

/** A web server sends a request's variables in one go; only between two requests it may take its time. */
const REQUEST_WITHIN_MS = 60_000;

const CONNECTIONS: Readonly<
  Record<ServerProtocol, new (descriptor: number, context: ServerContext) => AcceptedConnection>
> = { fastcgi: FastcgiConnection, scgi: ScgiConnection };

/** @throws {FpmError} when the descriptor is no listening socket: what to do about it */
export function listen(options: ServerOptions): Server {
  const { descriptor, poller, complain } = options;
  if (!isListening(descriptor)) {
    throw new FpmError(
      'FAILED',
      `descriptor ${descriptor} is no listening socket: run this as the command of a pool, or with \`fpm-ts spawn\``,
    );
  }
  setNonblocking(descriptor, true);
  const isUnix = isUnixSocket(descriptor);
  if (!isUnix) sendAtOnce(descriptor);
  const connections = new DescriptorTable<AcceptedConnection>();
  let stopped: (() => void) | null = null;
  const context: ServerContext = {
    poller,
    options,
    requestWithinMs: options.requestWithinMs ?? REQUEST_WITHIN_MS,
    isUnix,
    deadlines: new Deadlines(),
    closed(accepted) {
      connections.delete(accepted);
      if (connections.size === 0) stopped?.();
    },
  };
  const acceptor = new Acceptor(descriptor, poller, {
    accepted: accepted => connections.set(accepted, new CONNECTIONS[options.protocol](accepted, context)),
    failed: error =>
      complain(
        `connections wait: ${error.message}; raise the limit of open files (rlimit_files) of the pool`,
      ),
  });
  return {
    async stop() {
      acceptor.close();
      for (const connection of connections.values()) connection.stop();
      if (connections.size > 0) await new Promise<void>(resolve => (stopped = resolve));
    },
  };
}
