/** What the connections of one server share, and what it expects of each of them. */
import type { ConnectionContext } from './connection.ts';
import type { ServerOptions } from './server.ts';

export interface AcceptedConnection {
  /** Ends as soon as nothing is lost by it: one that has not brought a request yet was accepted for the sake of one. */
  stop(): void;
}

export interface ServerContext extends ConnectionContext {
  readonly options: ServerOptions;
  /** @param descriptor the number that it had */
  closed(descriptor: number): void;
}

/** A web server sends a request's variables in one go; one that is idle between two requests may take its time. */
export const REQUEST_WITHIN_MS = 60_000;

export const UNREQUESTED: string = `no complete request came within ${REQUEST_WITHIN_MS / 1000} s`;

/** One line for the log. */
export function brokenOff(reason: string): string {
  return `closed the connection of a client: ${reason}`;
}
