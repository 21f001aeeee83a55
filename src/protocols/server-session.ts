/** What a protocol does as a server: one session for each accepted connection, between its bytes and its exchanges. */
import type { Answer } from './incoming-exchange.ts';

/** The accepted connection, as a session uses it. */
export interface SessionConnection {
  readonly isOpen: boolean;
  /** Bytes that the client has not taken yet. */
  readonly waitingBytes: number;
  /** Whether more bytes are wanted; a client that hangs up is noticed either way. */
  reads: boolean;
  /** @returns false when the client does not keep up: `drained` says when it has */
  write(pieces: readonly Buffer[]): boolean;
  /** `overdue` is called when this is not taken back in time; to say it again gives no more time. */
  expect(withinMs: number): void;
  expectNothing(): void;
  /** Closes it as soon as everything is sent. */
  finish(mayBeSending: boolean): void;
  /** Closes it at once; what waits is not sent. */
  reset(): void;
}

/** Called as things happen; after `gone`, and after an end of its own, nothing follows. */
export interface ServerSession {
  /** The bytes are overwritten after the call. */
  received(chunk: Buffer): void;
  /** The client sends no more, and still reads. */
  finished(): void;
  /** Everything that waited was sent. */
  drained(): void;
  /** What was to be here by now is not. */
  overdue(): void;
  /** The client is gone, and the connection closed. */
  gone(): void;
  /** Ends as soon as nothing is lost by it: one that has not brought a request yet was accepted for the sake of one. */
  stop(): void;
}

export interface SessionSettings {
  readonly answer: Answer;
  /** All variables of one request, in bytes. */
  readonly maxParamsBytes: number;
  /** Requests that one connection may have open at once, where the protocol has several. */
  readonly maxRequestsPerConnection: number;
  /** Requests at once on all connections, for a web server that asks. */
  readonly maxRequests: number;
  /** How long a connection may take to bring its request. */
  readonly requestWithinMs: number;
  /** A connection that broke the protocol, once for each: one line for the log. */
  readonly complain: (problem: string) => void;
}

export type OpenSession = (connection: SessionConnection, settings: SessionSettings) => ServerSession;

export function unrequested({ requestWithinMs }: SessionSettings): string {
  return `no complete request came within ${requestWithinMs / 1000} s`;
}

/** One line for the log. */
export function brokenOff(reason: string): string {
  return `closed the connection of a client: ${reason}`;
}
