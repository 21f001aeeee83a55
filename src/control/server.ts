/** HTTP with JSON on the control socket (DESIGN section 4): `curl --unix-socket` works on it. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { FpmError } from '../errors.ts';
import { currentFileLimit } from '../os/file-limit.ts';
import { peerOf } from '../os/peer.ts';
import { type Caller, mayUse } from './access.ts';
import { COMMANDS, type CommandName } from './commands.ts';
import { errorBody, httpStatus } from './error-body.ts';
import { SCHEMAS } from './schemas.ts';
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

const BODY_LIMIT_BYTES = 64 * 1024;
const REQUEST_TIMEOUT_MS = 10_000;
const CHECK_EVERY_MS = 2000;
/** A client that takes nothing of its answer for so long is not waited for: answers are held in memory. */
const UNREAD_TIMEOUT_MS = 10_000;
/** Or half of what the supervisor may have open: everybody may connect, and its own work needs descriptors, too. */
const MOST_CONNECTIONS = 500;

/** A request that never became a command: its HTTP status says more than the class of the error. */
class RequestError extends FpmError {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;

  constructor(status: number, message: string, headers: Readonly<Record<string, string>> = {}) {
    super('USAGE', message);
    this.status = status;
    this.headers = headers;
  }
}

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
    const server = createServer(
      {
        requestTimeout: REQUEST_TIMEOUT_MS,
        headersTimeout: REQUEST_TIMEOUT_MS,
        connectionsCheckingInterval: CHECK_EVERY_MS,
      },
      (request, response) => {
        void this.#answer(request, response);
      },
    );
    server.maxConnections = Math.min(MOST_CONNECTIONS, Math.floor(Number(currentFileLimit()) / 2));
    return server;
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    try {
      const name = route(request);
      const args = parseArguments(name, await readArguments(request));
      mayUse(this.#options.identify(callerOf(request.socket)), name, args);
      reply(response, 200, await withSigns(request, response, () => this.#call(name, args)));
    } catch (error) {
      if (error instanceof RequestError) {
        reply(response, error.status, errorBody(error), error.headers);
        return;
      }
      if (!(error instanceof FpmError)) this.#options.onError(error);
      const shown =
        error instanceof FpmError
          ? error
          : new FpmError('FAILED', `an error of fpm-ts's own: ${String(error)}`);
      reply(response, httpStatus(shown.code), errorBody(shown));
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
  const timer = setInterval(() => response.writeProcessing(), SIGN_EVERY_MS);
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

function route(request: IncomingMessage): CommandName {
  const { pathname } = url(request);
  for (const [name, command] of Object.entries(COMMANDS)) {
    if (command.path !== pathname) continue;
    if (command.method === request.method) return name as CommandName;
    throw new RequestError(405, `${pathname} takes ${command.method}, not ${request.method}`, {
      allow: command.method,
    });
  }
  const known = Object.values(COMMANDS).map(({ method, path }) => `${method} ${path}`);
  throw new RequestError(404, `there is no ${pathname}; there are ${known.join(', ')}`);
}

function url(request: IncomingMessage): URL {
  try {
    return new URL(request.url ?? '/', 'http://control');
  } catch {
    throw new FpmError('USAGE', `${request.url} is no path`);
  }
}

/** A GET has its arguments in the query, a POST as JSON in its body; no body is no arguments. */
async function readArguments(request: IncomingMessage): Promise<unknown> {
  if (request.method === 'GET') return Object.fromEntries(url(request).searchParams);
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > BODY_LIMIT_BYTES)
      throw new RequestError(413, `the body is longer than ${BODY_LIMIT_BYTES} bytes`, {
        connection: 'close',
      });
    chunks.push(chunk);
  }
  const text = Buffer.concat(chunks).toString('utf8').trim();
  if (text === '') return {};
  try {
    return JSON.parse(text);
  } catch {
    throw new FpmError('USAGE', 'the body is not JSON');
  }
}

function parseArguments<N extends CommandName>(name: N, args: unknown): Args<N> {
  const parsed = SCHEMAS[name].args.safeParse(args);
  if (parsed.success) return parsed.data;
  const issues = parsed.error.issues.map(
    ({ path, message }) => `${path.join('.') || 'arguments'}: ${message}`,
  );
  throw new FpmError('USAGE', `${name}: ${issues.join('; ')}`);
}

/** Node has no way to ask for a connection's credentials, so its descriptor is asked for by hand. */
function callerOf(socket: Socket): ReturnType<typeof peerOf> {
  const { fd } = (socket as unknown as { _handle: { fd: number } })._handle;
  return peerOf(fd);
}

function reply(
  response: ServerResponse,
  status: number,
  body: object,
  headers: Readonly<Record<string, string>> = {},
): void {
  const text = `${JSON.stringify(body)}\n`;
  response.writeHead(status, {
    ...headers,
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(text),
  });
  response.setTimeout(UNREAD_TIMEOUT_MS, () => response.destroy());
  response.end(text);
}
