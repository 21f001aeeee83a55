/**
 * One request and its answer, as a connection hands it over: the seam between the protocols (who speaks FastCGI or SCGI
 * on which socket) and those who answer (the CGI host, the library of `fpm-ts/responder`). Bytes are lent, never given:
 * what is passed in a call may be used during that call only, so that nothing has to be copied on its way.
 */
import type { Pair } from './pair.ts';

/** What a request brings, and where its answer goes. After `end`, `fail` or `gone` every call is without effect. */
export interface Exchange {
  /** The request's variables as the web server sent them, in its order; a name may stand twice. */
  readonly params: readonly Pair[];
  /** Takes no more of the body from the client until `resumeBody`; what has arrived already may still be handed over. */
  pauseBody(): void;
  resumeBody(): void;
  /**
   * Sends bytes of the CGI response (FCGI_STDOUT, or SCGI's stream as it is). They are sent or copied before it returns.
   * @returns false when the client does not keep up: send no more before `drained`
   */
  write(bytes: Buffer): boolean;
  /** Sends bytes to the web server's error log (FCGI_STDERR); SCGI has no such thing, and drops them. */
  writeError(bytes: Buffer): void;
  /** The answer is complete. `appStatus` is what exit(2) was given (FCGI_END_REQUEST). */
  end(appStatus?: number): void;
  /** The answer broke off: the client must not take what it has for the whole, so the connection is closed without an end. */
  fail(): void;
}

/** Who answers: called as things happen, never from within a call of the exchange. */
export interface ExchangeHandler {
  /** A piece of the body; it is overwritten after the call. */
  body(chunk: Buffer): void;
  /** The body is complete. */
  bodyEnd(): void;
  /** There is room again after `write` has returned false. */
  drained(): void;
  /** The client went away, broke the protocol, or aborted the request: nothing can be answered any more, nothing follows. */
  gone(): void;
}

/** Called when the variables of a request are complete, before any of its body. */
export type Answer = (exchange: Exchange) => ExchangeHandler;
