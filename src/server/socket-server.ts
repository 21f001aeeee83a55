/** A listening socket that web servers connect to, in one of the protocols that we answer. */
import { FpmError } from '../errors.ts';
import { setNonblocking } from '../os/descriptor.ts';
import { DescriptorTable } from '../os/descriptor-table.ts';
import { isListening, isUnixSocket, sendAtOnce } from '../os/stream-socket.ts';
import { OPEN_SESSION } from '../protocols/server-sessions.ts';
import { Acceptor } from './acceptor.ts';
import { Connection, type ConnectionContext } from './connection.ts';
import { Deadlines } from './deadlines.ts';
import type { ServerOptions } from './server-options.ts';

export interface Server {
  /**
   * Accepts no more, finishes what was accepted (a connection that has not brought its request yet is waited for), and
   * then resolves.
   */
  stop(): Promise<void>;
}

/** A web server sends a request's variables in one go; only between two requests it may take its time. */
const REQUEST_WITHIN_MS = 60_000;

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
  const connections = new DescriptorTable<Connection>();
  let stopped: (() => void) | null = null;
  const openSession = OPEN_SESSION[options.protocol];
  const settings = { ...options, requestWithinMs: options.requestWithinMs ?? REQUEST_WITHIN_MS };
  const context: ConnectionContext = {
    poller,
    isUnix,
    deadlines: new Deadlines(),
    openSession: connection => openSession(connection, settings),
    closed(accepted) {
      connections.delete(accepted);
      if (connections.size === 0) stopped?.();
    },
  };
  const acceptor = new Acceptor(descriptor, poller, {
    accepted: accepted => connections.set(accepted, new Connection(accepted, context)),
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
