/**
 * One FastCGI connection: several requests at a time (Specification 1.0, section 3.3), or one after the other
 * (FCGI_KEEP_CONN). FastCGI has no flow control for each request: one that takes no more of its body holds up all
 * that comes on its connection, and none of what goes.
 */
import { type ExchangeCarrier, OpenExchange, type RequestHead } from '../open-exchange.ts';
import type { PairInput } from '../pair.ts';
import { ProtocolError } from '../protocol-error.ts';
import {
  brokenOff,
  type ServerSession,
  type SessionConnection,
  type SessionSettings,
  unrequested,
} from '../server-session.ts';
import { PROTOCOL_STATUS } from './constants.ts';
import {
  encodeEnd,
  encodeStderr,
  encodeStdout,
  encodeStdoutEnd,
  encodeUnknown,
  encodeValuesResult,
  type FastcgiServerEvent,
  FastcgiServerReader,
} from './server.ts';

/** What a client may ask of us (GET_VALUES and the like) without reading the answers. */
const MAX_REPLY_BYTES = 64 * 1024;
/** A client that does not keep up gets no more than this of what scripts say on stderr; the log has it all. */
const MAX_WAITING_ERROR_BYTES = 64 * 1024;

export class FastcgiSession implements ServerSession, ExchangeCarrier {
  readonly #settings: SessionSettings;
  readonly #connection: SessionConnection;
  readonly #reader: FastcgiServerReader;
  readonly #exchanges = new Map<number, OpenExchange>();
  /** Answers of ours that the client has not taken. */
  #replyBytes = 0;
  /** It has brought something already, so that it may stay without a request. */
  #isKept = false;
  #isStopping = false;
  /** It ends with the last of the requests that it has. */
  #isEnding = false;
  /** One of its answers broke off: the client learns that from its end. */
  #hasFailed = false;
  /** An answer was complete before its request was. */
  #leftBody = false;

  constructor(connection: SessionConnection, settings: SessionSettings) {
    const { maxParamsBytes, maxRequestsPerConnection } = settings;
    this.#settings = settings;
    this.#reader = new FastcgiServerReader({ maxParamsBytes, maxRequests: maxRequestsPerConnection });
    this.#connection = connection;
    this.#connection.expect(settings.requestWithinMs);
  }

  stop(): void {
    this.#isStopping = true;
    if (this.#isKept) this.#settle();
  }

  received(chunk: Buffer): void {
    try {
      for (const event of this.#reader.push(chunk)) {
        this.#handle(event);
        if (!this.#connection.isOpen) return;
      }
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      this.#breakOff(`it sent what is not FastCGI or breaks its rules: ${error.message}`);
    }
    this.#update();
  }

  finished(): void {
    const isWhole = [...this.#exchanges.values()].every(exchange => exchange.hasWholeBody);
    if (!isWhole || (this.#exchanges.size === 0 && !this.#reader.idle)) {
      this.#breakOff('its bytes ended within a request');
    } else {
      this.#isEnding = true;
      this.#settle();
    }
  }

  drained(): void {
    this.#replyBytes = 0;
    for (const exchange of this.#exchanges.values()) {
      if (this.#connection.waitingBytes > 0) break;
      exchange.drained();
    }
    this.#update();
  }

  overdue(): void {
    this.#breakOff(unrequested(this.#settings));
  }

  gone(): void {
    const exchanges = [...this.#exchanges.values()];
    this.#exchanges.clear();
    for (const exchange of exchanges) exchange.gone();
  }

  write({ requestId }: OpenExchange, bytes: Buffer): boolean {
    return this.#connection.write(encodeStdout(requestId, bytes));
  }

  writeError({ requestId }: OpenExchange, bytes: Buffer): void {
    if (this.#connection.waitingBytes > MAX_WAITING_ERROR_BYTES) return;
    this.#connection.write(encodeStderr(requestId, bytes));
  }

  end(exchange: OpenExchange, appStatus: number): void {
    const { requestId } = exchange;
    const protocolStatus = PROTOCOL_STATUS.requestComplete;
    this.#connection.write([encodeStdoutEnd(requestId), encodeEnd(requestId, { appStatus, protocolStatus })]);
    this.#reader.finish(requestId);
    this.#forget(exchange);
  }

  /** Without an end the request stays open for the client, until the connection ends with the others that it has. */
  fail(exchange: OpenExchange): void {
    this.#hasFailed = true;
    this.#forget(exchange);
  }

  bodyPaused(): void {
    this.#update();
  }

  #handle(event: FastcgiServerEvent): void {
    switch (event.type) {
      case 'request':
        this.#begin(event);
        break;
      case 'body':
        this.#exchanges.get(event.requestId)?.body(event.chunk);
        break;
      case 'body-end':
        this.#exchanges.get(event.requestId)?.bodyEnd();
        break;
      case 'abort':
        this.#abort(event.requestId, event.keepConnection);
        break;
      case 'refused':
        this.#refuse(event.requestId, event.keepConnection, event.protocolStatus);
        break;
      case 'get-values':
        this.#reply(encodeValuesResult(this.#values(event.names)));
        break;
      case 'unknown-type':
        this.#reply(encodeUnknown(event.recordType));
        break;
    }
  }

  #begin(head: RequestHead): void {
    const { requestId, keepConnection } = head;
    if (this.#isEnding || this.#hasFailed) {
      this.#reader.finish(requestId);
      this.#refuse(requestId, keepConnection, PROTOCOL_STATUS.overloaded);
      return;
    }
    const exchange = new OpenExchange(head, this);
    this.#exchanges.set(requestId, exchange);
    this.#connection.expectNothing();
    exchange.begin(this.#settings.answer);
  }

  #abort(requestId: number, keepConnection: boolean): void {
    const exchange = this.#exchanges.get(requestId);
    this.#exchanges.delete(requestId);
    exchange?.gone();
    this.#reader.finish(requestId);
    this.#refuse(requestId, keepConnection, PROTOCOL_STATUS.requestComplete);
  }

  /** Ends a request that is not answered; its body may still be on its way. */
  #refuse(requestId: number, keepConnection: boolean, protocolStatus: number): void {
    this.#reply(encodeEnd(requestId, { appStatus: 0, protocolStatus }));
    this.#leftBody = true;
    this.#isKept = true;
    if (!keepConnection) this.#isEnding = true;
    this.#settle();
  }

  #forget(exchange: OpenExchange): void {
    this.#exchanges.delete(exchange.requestId);
    if (!exchange.hasWholeBody) this.#leftBody = true;
    if (!exchange.keepConnection) this.#isEnding = true;
    this.#isKept = true;
    this.#settle();
  }

  #settle(): void {
    if (this.#exchanges.size > 0) this.#update();
    else if (this.#hasFailed) this.#breakAnswer();
    else if (this.#isEnding || this.#isStopping)
      this.#connection.finish(this.#leftBody || !this.#reader.idle);
    else this.#update();
  }

  /**
   * nginx takes the end of a connection for the end of an answer, FCGI_END_REQUEST or not; a record that it has not
   * asked for is an error to it, which it passes on by breaking off as well. Others go by the missing end.
   */
  #breakAnswer(): void {
    this.#connection.write([encodeUnknown(0)]);
    this.#connection.finish(this.#leftBody || !this.#reader.idle);
  }

  /** What is to come, and what may come. */
  #update(): void {
    if (!this.#connection.isOpen) return;
    const isHeldUp = [...this.#exchanges.values()].some(exchange => exchange.isPaused);
    this.#connection.reads = !isHeldUp && this.#replyBytes <= MAX_REPLY_BYTES;
    const isIdle = this.#isKept && this.#reader.idle;
    if (this.#exchanges.size > 0 || isIdle) this.#connection.expectNothing();
    else this.#connection.expect(this.#settings.requestWithinMs);
  }

  #reply(record: Buffer): void {
    this.#isKept = true;
    if (!this.#connection.write([record])) this.#replyBytes += record.length;
  }

  /** Specification 1.0, section 4.1; names that are not known are left out. */
  #values(names: readonly Buffer[]): PairInput[] {
    const maxRequests = String(this.#settings.maxRequests);
    const known: PairInput[] = [
      ['FCGI_MAX_CONNS', maxRequests],
      ['FCGI_MAX_REQS', maxRequests],
      ['FCGI_MPXS_CONNS', '1'],
    ];
    const asked = new Set(names.map(name => name.toString('latin1')));
    return known.filter(([name]) => asked.has(String(name)));
  }

  #breakOff(reason: string): void {
    this.#settings.complain(brokenOff(reason));
    this.#connection.reset();
    this.gone();
  }
}
