/**
 * HTTP to the protocol of a pool, for trying pools out: every path goes to the pool, no files are served. A body
 * with a length is streamed; a chunked one is stored first, because CGI programs are told the length (spool.ts).
 */
import {
  createServer,
  type IncomingMessage,
  type Server,
  type ServerResponse,
  STATUS_CODES,
} from 'node:http';
import type { Readable } from 'node:stream';
import { ProtocolError } from '../protocols/protocol-error.ts';
import { ClientError, errnoOf } from './client-error.ts';
import { type Explanation, explainFailure } from './explain-failure.ts';
import { sendAnswer } from './front-answer.ts';
import { declaredLength, incomingFacts, isChunked } from './front-facts.ts';
import { destroyStuck } from './front-timeout.ts';
import { buildParams } from './params.ts';
import { type PoolTarget, type Route, routeTo } from './pool-target.ts';
import { sendRequest } from './send-request.ts';
import { DEFAULT_SPOOL_LIMITS, SpoolLimitError, type SpoolLimits, spoolBody } from './spool.ts';

export interface FrontOptions {
  /** How long the program, and how long the HTTP client, may let the other wait; nginx's 60 s. */
  readonly timeoutMs: number;
  readonly spool: SpoolLimits;
  /** One line about a request that failed. */
  readonly onFailure: (line: string) => void;
  /** What programs write to FCGI_STDERR. */
  readonly onStderr: (chunk: Buffer) => void;
}

export const DEFAULT_FRONT_OPTIONS: Pick<FrontOptions, 'timeoutMs' | 'spool'> = {
  timeoutMs: 60_000,
  spool: DEFAULT_SPOOL_LIMITS,
};

const HEADERS_TIMEOUT_MS = 15_000;
const KEEP_ALIVE_MS = 15_000;

/** A server that is not listening yet. @throws FpmError USAGE for a pool that cannot be asked. */
export function createFront(pool: PoolTarget, options: FrontOptions): Server {
  const front = new Front(pool, options);
  const server = createServer({
    headersTimeout: HEADERS_TIMEOUT_MS,
    keepAliveTimeout: KEEP_ALIVE_MS,
    // A long upload is no fault; one that stands still is ended by destroyStuck.
    requestTimeout: 0,
    connectionsCheckingInterval: 5_000,
  });
  server.on('request', (request, response) => void front.serve(request, response, false));
  server.on('checkContinue', (request, response) => void front.serve(request, response, true));
  destroyStuck(server, options.timeoutMs);
  return server;
}

interface FrontBody {
  readonly lengthBytes: number | null;
  readonly body: Readable | null;
  /** Tells a client that asked that it may send the body now. */
  readonly admit: () => void;
}

class RefusedRequest extends Error {
  constructor() {
    super('the path leads above the root or is not one, or there are two Host fields');
    this.name = 'RefusedRequest';
  }
}

/** The client closed the connection while the answer was on its way. */
function isClientGone(error: unknown): boolean {
  if (error instanceof ClientError) return error.code === 'ABORTED';
  return error instanceof Error && errnoOf(error) === 'ERR_STREAM_PREMATURE_CLOSE';
}

class Front {
  readonly #pool: PoolTarget;
  readonly #route: Route;
  readonly #options: FrontOptions;

  constructor(pool: PoolTarget, options: FrontOptions) {
    this.#pool = pool;
    this.#route = routeTo(pool);
    this.#options = options;
  }

  /** Never rejects: whatever fails is answered, or ends the connection, and is reported. */
  async serve(request: IncomingMessage, response: ServerResponse, awaitsContinue: boolean): Promise<void> {
    try {
      await this.#serve(request, response, awaitsContinue);
    } catch (error) {
      this.#fail(response, error);
    }
  }

  async #serve(request: IncomingMessage, response: ServerResponse, awaitsContinue: boolean): Promise<void> {
    const admit = (): void => {
      if (awaitsContinue) response.writeContinue();
    };
    if (!isChunked(request)) {
      const lengthBytes = declaredLength(request);
      const body = lengthBytes ? request : null;
      await this.#forward(request, response, { lengthBytes, body, admit });
      return;
    }
    admit();
    const spooled = await spoolBody(request, this.#options.spool);
    try {
      const { lengthBytes, stream } = spooled;
      await this.#forward(request, response, { lengthBytes, body: stream, admit: () => {} });
    } finally {
      await spooled.close();
    }
  }

  async #forward(request: IncomingMessage, response: ServerResponse, body: FrontBody): Promise<void> {
    const facts = incomingFacts(request, body.lengthBytes);
    if (facts === null) throw new RefusedRequest();
    const gone = new AbortController();
    const notice = (): void => {
      if (!response.writableFinished) gone.abort();
    };
    if (response.destroyed) return;
    response.once('close', notice);
    const answer = await sendRequest({
      ...this.#route,
      params: buildParams(facts, this.#pool),
      body: body.body,
      timeoutMs: this.#options.timeoutMs,
      signal: gone.signal,
      onConnect: body.body === null ? undefined : body.admit,
      onStderr: this.#options.onStderr,
    });
    await sendAnswer(answer, facts.method, response);
  }

  #fail(response: ServerResponse, error: unknown): void {
    // Nobody is there to be told, and giving up is the client's right.
    if (response.destroyed && !response.headersSent) return;
    const { status, text } = this.#explain(error);
    if (!response.destroyed || !isClientGone(error)) this.#options.onFailure(text);
    // Half an answer was sent: sendAnswer has broken the connection, which is all that tells the client.
    if (response.headersSent) return;
    response.writeHead(status, { 'content-type': 'text/plain; charset=utf-8', connection: 'close' });
    response.end(`${status} ${STATUS_CODES[status]}\n\n${text}\n`);
  }

  #explain(error: unknown): Explanation {
    if (error instanceof RefusedRequest) return { status: 400, text: error.message };
    if (error instanceof SpoolLimitError) return { status: 413, text: error.message };
    if (error instanceof ClientError || error instanceof ProtocolError) {
      return explainFailure(this.#pool.name, this.#route, error);
    }
    // A full disk under a stored body, for instance.
    return { status: 500, text: error instanceof Error ? error.message : String(error) };
  }
}
