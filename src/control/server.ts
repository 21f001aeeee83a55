/** HTTP with JSON on the control socket (DESIGN section 4): `curl --unix-socket` works on it. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { FpmError } from '../errors.ts';
import { currentFileLimit } from '../os/file-limit.ts';
import { peerOf } from '../os/peer.ts';
import { type Caller, mayAsk, mayUse } from './access.ts';
import { argumentsOf, commandOf } from './command-arguments.ts';
import type { CommandName } from './commands.ts';
import { errorBody, httpStatus } from './error-body.ts';
import { ClientLeft, type Headers, RequestError } from './request-error.ts';
import { SIGN_EVERY_MS } from './signs-of-life.ts';
import { ControlSocket } from './socket.ts';
import type { Args, Result } from './types.ts';

export type Handlers = {
  readonly [N in CommandName]: (args: Args<N>) => Promise<Result<N>> | Result<N>;
};

export interface ServerOptions {
  readonly path: string;
  readonly handlers: Handlers;
  /** What the process at the other end may do. */
  readonly identify: (peer: ReturnType<typeof peerOf>) => Caller;
  /** Something that is our fault; the client is told so too. */
  readonly onError: (error: unknown) => void;
}

const REQUEST_TIMEOUT_MS = 10_000;
const CHECK_EVERY_MS = 2000;
/** A client that takes nothing of its answer for so long is not waited for: answers are held in memory. */
const UNREAD_TIMEOUT_MS = 10_000;
/** Or half of what the supervisor may have open: everybody may connect, and its own work needs descriptors, too. */
const MOST_CONNECTIONS = 500;

export class ControlServer {
  #server: Server | null = null;
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
  async listen(): Promise<boolean> {
    if (this.isInPlace) return false;
    const socket = new ControlSocket(this.#options.path);
    this.#server?.close(); // nobody finds the old one any more; what it was asked it still answers
    this.#server = this.#createServer();
    this.#socket = socket;
    await listenOn(this.#server, socket.descriptor);
    return true;
  }

  /**
   * Takes no more connections, lets answers that are under way finish, and removes the socket.
   * @param graceMs how long they may take
   */
  async close(graceMs = 200): Promise<void> {
    const server = this.#server;
    this.#socket?.remove();
    if (server === null) return;
    await new Promise(resolve => setImmediate(resolve)); // who has connected already is heard
    server.closeIdleConnections();
    await new Promise<void>(resolve => {
      server.close(() => resolve());
      setTimeout(() => server.closeAllConnections(), graceMs).unref();
    });
  }

  #createServer(): Server {
    const server = createServer({
      requestTimeout: REQUEST_TIMEOUT_MS,
      headersTimeout: REQUEST_TIMEOUT_MS,
      connectionsCheckingInterval: CHECK_EVERY_MS,
    });
    const answer = (request: IncomingMessage, response: ServerResponse): void =>
      void this.#answer(request, response);
    server.on('request', answer);
    server.on('checkContinue', answer); // else Node would ask for the body before the caller is known
    server.maxConnections = Math.min(MOST_CONNECTIONS, Math.floor(Number(currentFileLimit()) / 2));
    return server;
  }

  /** Who may use nothing of the command is refused before a byte of the body is read. */
  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    try {
      const name = commandOf(request);
      const caller = this.#options.identify(peerAt(request.socket));
      mustConcern(caller, name);
      if (request.headers.expect !== undefined) response.writeContinue();
      const args = await argumentsOf(name, request);
      mayUse(caller, name, args);
      reply(request, response, 200, await withSigns(request, response, () => this.#call(name, args)));
    } catch (error) {
      if (error instanceof ClientLeft) return;
      if (error instanceof RequestError) {
        reply(request, response, error.status, errorBody(error), error.headers);
        return;
      }
      if (!(error instanceof FpmError)) this.#options.onError(error);
      const shown =
        error instanceof FpmError
          ? error
          : new FpmError('FAILED', `an error of fpm-ts's own: ${String(error)}`);
      reply(request, response, httpStatus(shown.code), errorBody(shown));
    }
  }

  #call<N extends CommandName>(name: N, args: Args<N>): Promise<Result<N>> | Result<N> {
    return this.#options.handlers[name](args);
  }
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

function listenOn(server: Server, descriptor: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen({ fd: descriptor }, resolve);
  });
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

/**
 * Node has no way to ask for a connection's credentials, so its descriptor is asked for by hand.
 * @throws {ClientLeft} when the connection is closed already
 */
function peerAt(socket: Socket): ReturnType<typeof peerOf> {
  const { _handle: handle } = socket as unknown as { readonly _handle: { readonly fd: number } | null };
  if (handle === null || handle.fd < 0) throw new ClientLeft();
  return peerOf(handle.fd);
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
