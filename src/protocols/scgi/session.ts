/** One SCGI connection: one request, and an answer that ends where the connection does. */

import { type ExchangeCarrier, OpenExchange } from '../open-exchange.ts';
import { ProtocolError } from '../protocol-error.ts';
import {
  brokenOff,
  type ServerSession,
  type SessionConnection,
  type SessionSettings,
  unrequested,
} from '../server-session.ts';
import { type ScgiServerEvent, ScgiServerReader } from './server.ts';

export class ScgiSession implements ServerSession, ExchangeCarrier {
  readonly #settings: SessionSettings;
  readonly #connection: SessionConnection;
  readonly #reader: ScgiServerReader;
  #exchange: OpenExchange | null = null;

  constructor(connection: SessionConnection, settings: SessionSettings) {
    this.#settings = settings;
    this.#reader = new ScgiServerReader(settings.maxParamsBytes);
    this.#connection = connection;
    this.#connection.expect(settings.requestWithinMs);
  }

  /** It ends with its request anyway. */
  stop(): void {}

  received(chunk: Buffer): void {
    try {
      for (const event of this.#reader.push(chunk)) {
        this.#handle(event);
        if (!this.#connection.isOpen) return;
      }
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      this.#breakOff(`it sent what is not SCGI or breaks its rules: ${error.message}`);
    }
  }

  finished(): void {
    if (this.#exchange === null && this.#reader.idle) this.#connection.finish(false);
    else if (!this.#reader.idle) this.#breakOff('its bytes ended within a request');
  }

  drained(): void {
    this.#exchange?.drained();
  }

  overdue(): void {
    this.#breakOff(unrequested(this.#settings));
  }

  gone(): void {
    this.#exchange?.gone();
  }

  write(_exchange: OpenExchange, bytes: Buffer): boolean {
    return this.#connection.write([bytes]);
  }

  /** There is nowhere to send it to. */
  writeError(): void {}

  end({ hasWholeBody }: OpenExchange): void {
    this.#connection.finish(!hasWholeBody);
  }

  /** Over a Unix socket nothing but an answer's own Content-Length tells the web server that it is not whole. */
  fail(): void {
    this.#connection.reset();
  }

  bodyPaused(): void {
    this.#connection.reads = this.#exchange?.isPaused !== true;
  }

  #handle(event: ScgiServerEvent): void {
    switch (event.type) {
      case 'request':
        this.#begin(event.params);
        break;
      case 'body':
        this.#exchange?.body(event.chunk);
        break;
      case 'body-end':
        this.#exchange?.bodyEnd();
        break;
    }
  }

  #begin(params: OpenExchange['params']): void {
    this.#connection.expectNothing();
    this.#exchange = new OpenExchange({ params, requestId: 0, keepConnection: false }, this);
    this.#exchange.begin(this.#settings.answer);
  }

  #breakOff(reason: string): void {
    this.#settings.complain(brokenOff(reason));
    this.#connection.reset();
    this.gone();
  }
}
