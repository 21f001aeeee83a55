/** HTTP with JSON on the control socket: `curl --unix-socket` works on it. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import * as z from 'zod';
import type { Asking } from '../commands/command.ts';
import { COMMANDS } from '../commands/commands.ts';
import type { Service } from '../commands/service.ts';
import { FpmError } from '../errors.ts';
import { type Caller, mayUse } from '../keeper/supervision/access.ts';
import type { CommandRule, RawArgs } from '../keeper/supervision/command-rule.ts';
import type { Rank } from '../keeper/supervision/connection-places.ts';
import { admit, reply, replyError } from '../keeper/supervision/control-reply.ts';
import { argumentsOf } from '../keeper/supervision/control-request.ts';
import { HttpDoor } from '../keeper/supervision/http-door.ts';
import { ClientLeft, RequestError } from '../keeper/supervision/request-error.ts';
import type { Peer } from '../os/peer.ts';
import { errorFor } from './disclosure.ts';
import { SIGN_EVERY_MS } from './signs-of-life.ts';
import { ControlSocket } from './socket.ts';

/** A command ready to be called: what its schema lets through is what its handler takes. */
interface Callable {
  readonly rule: CommandRule;
  readonly args: z.ZodType<RawArgs>;
  run(args: RawArgs, service: Service, asking: Asking): object | Promise<object>;
}

const CALLABLE: ReadonlyMap<string, Callable> = new Map(COMMANDS.map(it => [it.name, callable(it)]));

export interface ServerOptions {
  readonly path: string;
  readonly service: Service;
  /** What the process at the other end may do. */
  readonly identify: (peer: Peer) => Caller;
  /** Whose places it takes. */
  readonly rankOf: (peer: Peer) => Rank;
  /** Something that is our fault; the client is told so too. */
  readonly onError: (error: unknown) => void;
}

export class ControlServer {
  #door: HttpDoor | null = null;
  #socket: ControlSocket | null = null;
  #isClosed = false;
  readonly #options: ServerOptions;

  constructor(options: ServerOptions) {
    this.#options = options;
  }

  get isInPlace(): boolean {
    return this.#socket?.isInPlace() === true;
  }

  /** `close` was called: it is not missing, and nothing has to bring it back. */
  get isClosed(): boolean {
    return this.#isClosed;
  }

  /**
   * Listens, unless it does so already and clients can find it.
   * @returns false when there was nothing to do
   * @throws {FpmError} ALREADY_RUNNING when another supervisor answers there
   */
  listen(): boolean {
    if (this.isInPlace) return false;
    const socket = new ControlSocket(this.#options.path);
    this.#isClosed = false;
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
    this.#isClosed = true;
    this.#socket?.remove();
    await new Promise(resolve => setImmediate(resolve)); // who has connected already is heard
    await this.#door?.close(graceMs);
  }

  async #answer(request: IncomingMessage, response: ServerResponse, peer: Peer): Promise<void> {
    const caller = this.#options.identify(peer);
    try {
      const rule = admit(request, response, caller, COMMANDS);
      const raw = await argumentsOf(request);
      const result = await withSigns(request, response, () => {
        const command = CALLABLE.get(rule.name);
        if (command === undefined) throw new Error(`${rule.name} is not declared`);
        const args = parse(command, raw);
        mayUse(caller, rule, args, COMMANDS);
        return command.run(args, this.#options.service, { caller, left: leftSignal(response) });
      });
      reply(request, response, 200, result);
    } catch (error) {
      if (error instanceof ClientLeft) return;
      if (!(error instanceof FpmError)) this.#options.onError(error);
      const shown =
        error instanceof FpmError
          ? error
          : new FpmError('FAILED', `an error of fpm-ts's own: ${String(error)}`);
      replyError(request, response, shown instanceof RequestError ? shown : errorFor(caller, shown));
    }
  }
}

function callable(command: (typeof COMMANDS)[number]): Callable {
  const { run } = command as Pick<Callable, 'run'>;
  return { rule: command, args: command.args(z) as z.ZodType<RawArgs>, run };
}

/** @throws {FpmError} USAGE */
function parse({ rule, args }: Callable, raw: RawArgs): RawArgs {
  const parsed = args.safeParse(raw);
  if (parsed.success) return parsed.data;
  const issues = parsed.error.issues.map(
    ({ path, message }) => `${path.join('.') || 'arguments'}: ${message}`,
  );
  throw new FpmError('USAGE', `${rule.name}: ${issues.join('; ')}`);
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
