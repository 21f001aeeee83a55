/** What the connections of one server share, and what it expects of each of them. */
import type { ConnectionContext } from './connection.ts';
import type { ServerOptions } from './server-options.ts';

export interface AcceptedConnection {
  /** Ends as soon as nothing is lost by it: one that has not brought a request yet was accepted for the sake of one. */
  stop(): void;
}

export interface ServerContext extends ConnectionContext {
  readonly options: ServerOptions;
  readonly requestWithinMs: number;
  /** @param descriptor the number that it had */
  closed(descriptor: number): void;
}

export function unrequested({ requestWithinMs }: ServerContext): string {
  return `no complete request came within ${requestWithinMs / 1000} s`;
}

/** One line for the log. */
export function brokenOff(reason: string): string {
  return `closed the connection of a client: ${reason}`;
}
