/** One request and the handler that answers it: between the exchange of a connection and Request and Response. */

import type { Exchange, ExchangeHandler } from '../protocols/incoming-exchange.ts';
import { describeError, oneLine } from './describe-error.ts';
import type { RequestContext, RequestHandler } from './handler.ts';
import { RefusedRequest } from './refused-request.ts';
import { asResponse } from './response.ts';
import { ResponseWriter } from './response-writer.ts';
import { Variables } from './variables.ts';
import { mayHaveBody, type RequestHead, readRequestHead } from './web-request.ts';
import { RequestBody } from './web-request-body.ts';

export interface AnsweringSettings {
  readonly handler: RequestHandler;
  /** Takes one line for the log. */
  readonly complain: (problem: string) => void;
  /** Nothing more is done for this request, be its client there or not. Called once. */
  readonly finished: () => void;
}

export class Answering implements ExchangeHandler {
  readonly #exchange: Exchange;
  readonly #settings: AnsweringSettings;
  readonly #variables: Variables;
  readonly #writer: ResponseWriter;
  readonly #gone = new AbortController();
  #body: RequestBody | null = null;
  /** Not asked yet: the first byte of the body, or its end, tells whether there is one. */
  #waiting: RequestHead | null = null;
  /** Held until the end: its signal follows ours only while the Request itself is there (Node 20). */
  #request: Request | null = null;

  constructor(exchange: Exchange, settings: AnsweringSettings) {
    this.#exchange = exchange;
    this.#settings = settings;
    this.#variables = new Variables(exchange.params);
    this.#writer = new ResponseWriter(exchange);
  }

  /** Asks the handler as soon as it is known what to ask. */
  begin(): void {
    let head: RequestHead;
    try {
      head = readRequestHead(this.#variables);
    } catch (error) {
      if (!(error instanceof RefusedRequest)) throw error;
      this.refuse(error);
      return;
    }
    const { contentLengthBytes } = head;
    if (!mayHaveBody(head.method) || contentLengthBytes === 0) this.#ask(head, null);
    else if (contentLengthBytes === null) this.#waiting = head;
    else this.#ask(head, new RequestBody(this.#exchange, contentLengthBytes));
  }

  refuse({ status, message, remedy }: RefusedRequest): void {
    if (remedy !== null) this.#settings.complain(remedy);
    const headers: Record<string, string> = status === 503 ? { 'retry-after': '1' } : {};
    this.#answer(() => new Response(`${message}\n`, { status, headers }));
  }

  body(chunk: Buffer): void {
    if (this.#waiting !== null) this.#ask(this.#waiting, new RequestBody(this.#exchange, null));
    this.#body?.push(chunk);
  }

  bodyEnd(): void {
    if (this.#waiting !== null) this.#ask(this.#waiting, null);
    this.#body?.end();
  }

  drained(): void {
    this.#writer.drained();
  }

  gone(): void {
    const reason = new DOMException('the client went away before the request was answered', 'AbortError');
    if (this.#waiting !== null) this.#settings.finished();
    this.#waiting = null;
    this.#body?.fail(reason);
    this.#writer.gone(reason);
    this.#gone.abort(reason);
  }

  #ask({ url, method, headers }: RequestHead, body: RequestBody | null): void {
    this.#waiting = null;
    this.#body = body;
    const init: RequestInit = { method, headers, signal: this.#gone.signal };
    this.#answer(() => {
      this.#request = new Request(url, body === null ? init : { ...init, body: body.stream, duplex: 'half' });
      return this.#settings.handler(this.#request, this.#context());
    });
  }

  #context(): RequestContext {
    return {
      params: this.#variables.toMap(),
      signal: this.#gone.signal,
      remoteAddress: this.#variables.text('REMOTE_ADDR'),
      writeError: text => this.#exchange.writeError(Buffer.from(text)),
    };
  }

  #answer(ask: () => Response | Promise<Response>): void {
    void this.#send(ask).then(this.#settings.finished);
  }

  /** Never rejects. What is asked is waited for in any case, so nothing is written before the exchange has its handler. */
  async #send(ask: () => Response | Promise<Response>): Promise<void> {
    const isHead = this.#variables.text('REQUEST_METHOD') === 'HEAD';
    try {
      await this.#writer.send(asResponse(await ask()), isHead);
    } catch (error) {
      // Most of what fails for a client that is gone fails because it is gone.
      if (this.#gone.signal.aborted) return;
      this.#settings.complain(`${this.#subject()}: ${describeError(error)}`);
      if (this.#writer.hasBegun) this.#exchange.fail();
      else await this.#writer.send(new Response('Internal Server Error\n', { status: 500 }), isHead);
    } finally {
      this.#body?.fail(new Error('the request was answered before its body was read'));
      this.#request = null;
    }
  }

  /** Without the query, which may hold what should not stand in a log. */
  #subject(): string {
    const { url, method } = this.#request ?? { url: '', method: '' };
    return oneLine(`${method} ${URL.canParse(url) ? new URL(url).pathname : url}`);
  }
}
