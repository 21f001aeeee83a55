/** HTTP with JSON on the control socket (DESIGN section 4): `curl --unix-socket` works on it. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { FpmError } from '../errors.ts';
import type { Rank } from '../keeper/supervision/connection-places.ts';
import { HttpDoor } from '../keeper/supervision/http-door.ts';
import type { Peer } from '../os/peer.ts';
import { type Caller, mayAsk, mayUse } from './access.ts';
import { argumentsOf, commandOf } from './command-arguments.ts';
import type { CommandName } from './commands.ts';
import { errorFor } from './disclosure.ts';
import { errorBody, httpStatus } from './error-body.ts';
import { ClientLeft, type Headers, RequestError } from './request-error.ts';
import { SIGN_EVERY_MS } from './signs-of-life.ts';
import { ControlSocket } from './socket.ts';
import type { Args, Result } from './types.ts';

/** Who asks, and for how long. */
export interface Asking {
  readonly caller: Caller;
  /** Aborted when the client has left. */
  readonly left: AbortSignal;
}

export type Handlers = {
  readonly [N in CommandName]: (args: Args<N>, asking: Asking) => Promise<Result<N>> | Result<N>;
};

export interface ServerOptions {
  readonly path: string;
  readonly handlers: Handlers;
  /** What the process at the other end may do. */
  readonly identify: (peer: Peer) => Caller;
  /** Whose places it takes. */
  readonly rankOf: (peer: Peer) => Rank;
  /** Something that is our fault; the client is told so too. */
  readonly onError: (error: unknown) => void;
}

/** A client that takes nothing of its answer for so long is not waited for: answers are held in memory. */
const UNREAD_TIMEOUT_MS = 10_000;
export class ControlServer {
  #door: HttpDoor | null = null;
  #socket: ControlSocket | null = null;
  readonly #options: ServerOptions;

  constructor(options: ServerOptions) {
    this.#options = options;
  }

  get isInPlace(): boolean {
    return this.#socket?.isInPlace() === true;
  }

  /**
   * Listens, unless it does so already and clients can find it.
   * @returns false when there was nothing to do
   * @throws {FpmError} ALREADY_RUNNING when another supervisor answers there
   */
  listen(): boolean {
    if (this.isInPlace) return false;
    const socket = new ControlSocket(this.#options.path);
    void this.#door?.close(null); // nobody finds the old one any more; what it was asked it still answers
    this.#door = new HttpDoor({
      descriptor: socket.descriptor,
      rankOf: this.#options.rankOf,
      answer: (request, response, peer) => void this.#answer(request, response, peer),
    });
    this.#socket = socket;
    return true;
  }

  /**
   * Takes no more connections, lets answers that are under way finish, and removes the socket.
   * @param graceMs how long they may take
   */
  async close(graceMs = 200): Promise<void> {
    this.#socket?.remove();
    await new Promise(resolve => setImmediate(resolve)); // who has connected already is heard
    await this.#door?.close(graceMs);
  }

  /** Who may use nothing of the command is refused before a byte of the body is read. */
  async #answer(request: IncomingMessage, response: ServerResponse, peer: Peer): Promise<void> {
    const caller = this.#options.identify(peer);
    try {
      const name = commandOf(request);
      mustConcern(caller, name);
      if (request.headers.expect !== undefined) response.writeContinue();
      const args = await argumentsOf(name, request);
      mayUse(caller, name, args);
      reply(
        request,
        response,
        200,
        await withSigns(request, response, () =>
          this.#call(name, args, { caller, left: leftSignal(response) }),
        ),
      );
    } catch (error) {
      if (error instanceof ClientLeft) return;
      if (error instanceof RequestError) {
        reply(request, response, error.status, errorBody(error), error.headers);
        return;
      }
      if (!(error instanceof FpmError)) this.#options.onError(error);
      const shown = errorFor(
        caller,
        error instanceof FpmError
          ? error
          : new FpmError('FAILED', `an error of fpm-ts's own: ${String(error)}`),
      );
      reply(request, response, httpStatus(shown.code), errorBody(shown));
    }
  }

  #call<N extends CommandName>(name: N, args: Args<N>, asking: Asking): Promise<Result<N>> | Result<N> {
    return this.#options.handlers[name](args, asking);
  }
}

/** Aborted when the connection is closed before the answer has gone. */
function leftSignal(response: ServerResponse): AbortSignal {
  const left = new AbortController();
  response.once('close', () => left.abort());
  return left.signal;
}

/** Shows the client that we live as long as its command takes. HTTP/1.0 has no interim answers. */
async function withSigns<T>(
  request: IncomingMessage,
  response: ServerResponse,
  run: () => Promise<T> | T,
): Promise<T> {
  const timer = setInterval(() => {
    if (!response.destroyed) response.writeProcessing();
  }, SIGN_EVERY_MS);
  if (request.httpVersion === '1.0') clearInterval(timer);
  try {
    return await run();
  } finally {
    clearInterval(timer);
  }
}

/** @throws {RequestError} 403 for a caller who may use nothing of the command, whatever the arguments are */
function mustConcern(caller: Caller, name: CommandName): void {
  try {
    mayAsk(caller, name);
  } catch (error) {
    if (!(error instanceof FpmError)) throw error;
    throw new RequestError(httpStatus(error.code), error.message, { connection: 'close' }, error.code);
  }
}

/** The next request would stand behind a body that nobody reads. */
function isBodyLeft({ complete, headers }: IncomingMessage): boolean {
  return !complete && ('content-length' in headers || 'transfer-encoding' in headers);
}

/** To a client that has left, it goes nowhere. */
function reply(
  request: IncomingMessage,
  response: ServerResponse,
  status: number,
  body: object,
  headers: Headers = {},
): void {
  const text = `${JSON.stringify(body)}\n`;
  response.writeHead(status, {
    ...headers,
    ...(isBodyLeft(request) && { connection: 'close' }),
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(text),
  });
  response.setTimeout(UNREAD_TIMEOUT_MS, () => response.destroy());
  response.end(text);
}
