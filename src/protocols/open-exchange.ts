/** An exchange that is under way, between its connection and whoever answers it; the same for FastCGI and SCGI. */

import type { Answer, Exchange, ExchangeHandler } from './incoming-exchange.ts';
import type { Pair } from './pair.ts';

/** The connection as an exchange sees it. */
export interface ExchangeCarrier {
  /** @returns false when the client does not keep up */
  write(exchange: OpenExchange, bytes: Buffer): boolean;
  writeError(exchange: OpenExchange, bytes: Buffer): void;
  end(exchange: OpenExchange, appStatus: number): void;
  fail(exchange: OpenExchange): void;
  /** Whether the exchange takes more of its body has changed. */
  bodyPaused(): void;
}

export interface RequestHead {
  readonly params: readonly Pair[];
  /** SCGI has none, and no more than one request on a connection. */
  readonly requestId: number;
  readonly keepConnection: boolean;
}

export class OpenExchange implements Exchange {
  readonly params: readonly Pair[];
  readonly requestId: number;
  readonly keepConnection: boolean;
  readonly #carrier: ExchangeCarrier;
  #handler: ExchangeHandler | null = null;
  #isOver = false;
  #isPaused = false;
  #hasWholeBody = false;
  #waitsForRoom = false;

  constructor({ params, requestId, keepConnection }: RequestHead, carrier: ExchangeCarrier) {
    this.params = params;
    this.requestId = requestId;
    this.keepConnection = keepConnection;
    this.#carrier = carrier;
  }

  /** It may be over when this returns. */
  begin(answer: Answer): void {
    this.#handler = answer(this);
  }

  get hasWholeBody(): boolean {
    return this.#hasWholeBody;
  }

  /** No byte of the body may be taken from the client. */
  get isPaused(): boolean {
    return this.#isPaused && !this.#hasWholeBody;
  }

  body(chunk: Buffer): void {
    if (!this.#isOver) this.#handler?.body(chunk);
  }

  bodyEnd(): void {
    this.#hasWholeBody = true;
    if (!this.#isOver) this.#handler?.bodyEnd();
  }

  drained(): void {
    if (this.#isOver || !this.#waitsForRoom) return;
    this.#waitsForRoom = false;
    this.#handler?.drained();
  }

  gone(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#handler?.gone();
  }

  pauseBody(): void {
    this.#pause(true);
  }

  resumeBody(): void {
    this.#pause(false);
  }

  #pause(isPaused: boolean): void {
    if (this.#isOver || this.#isPaused === isPaused) return;
    this.#isPaused = isPaused;
    this.#carrier.bodyPaused();
  }

  write(bytes: Buffer): boolean {
    if (this.#isOver) return false;
    const hasRoom = this.#carrier.write(this, bytes);
    if (!hasRoom) this.#waitsForRoom = true;
    return hasRoom;
  }

  writeError(bytes: Buffer): void {
    if (!this.#isOver) this.#carrier.writeError(this, bytes);
  }

  end(appStatus = 0): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#carrier.end(this, appStatus);
  }

  fail(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#carrier.fail(this);
  }
}
