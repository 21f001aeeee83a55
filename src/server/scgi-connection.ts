/** One SCGI connection: one request, and an answer that ends where the connection does. */
import { ProtocolError } from '../protocols/protocol-error.ts';
import { type ScgiServerEvent, ScgiServerReader } from '../protocols/scgi/server.ts';
import { Connection, type ConnectionUser } from './connection.ts';
import { type ExchangeCarrier, OpenExchange } from './open-exchange.ts';
import { type AcceptedConnection, brokenOff, type ServerContext, unrequested } from './server-context.ts';

export class ScgiConnection implements ConnectionUser, ExchangeCarrier, AcceptedConnection {
  readonly #context: ServerContext;
  readonly #connection: Connection;
  readonly #reader: ScgiServerReader;
  #exchange: OpenExchange | null = null;

  constructor(descriptor: number, context: ServerContext) {
    this.#context = context;
    this.#reader = new ScgiServerReader(context.options.maxParamsBytes);
    this.#connection = new Connection(descriptor, context, this);
    this.#connection.expect(context.requestWithinMs);
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
    this.#breakOff(unrequested(this.#context));
  }

  gone(): void {
    this.#exchange?.gone();
  }

  closed(): void {
    this.#context.closed(this.#connection.descriptor);
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
    this.#exchange.begin(this.#context.options.answer);
  }

  #breakOff(reason: string): void {
    this.#context.options.complain(brokenOff(reason));
    this.#connection.reset();
    this.gone();
  }
}
