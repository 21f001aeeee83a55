/**
 * The library `fpm-ts/responder`: a Node program as a worker of a web server, in FastCGI or SCGI, with the request as the
 * web's own Request and the answer as its Response.
 */

import { Poller } from '../os/poller.ts';
import { isListening } from '../os/stream-socket.ts';
import type { Answer } from '../protocols/incoming-exchange.ts';
import { isServerProtocol, namesInWords, SERVER_PROTOCOLS, type ServerProtocol } from '../protocols/names.ts';
import { Answering } from './answering.ts';
import type { RequestHandler } from './handler.ts';
import { RefusedRequest } from './refused-request.ts';
import { listen, type Server } from './socket-server.ts';
import { takeCareOfProcess } from './worker-process.ts';

export type { RequestContext, RequestHandler } from './handler.ts';

export interface ServeOptions {
  /** What the web server speaks on the socket: `'fastcgi'` (the default) or `'scgi'`. */
  readonly protocol?: ServerProtocol;
  /** The descriptor of a listening socket; 0 by default, where fpm-ts, spawn-fcgi and others put it. */
  readonly descriptor?: number;
  /** Bytes that all variables of one request may have together; a connection that sends more is closed. 1 MiB by default. */
  readonly maxParamsBytes?: number;
  /** Requests in hand at once; more are answered with status 503. 1024 by default. */
  readonly maxRequests?: number;
  /** Of those, how many one FastCGI connection may have open; the web server is told when it sends more. 64 by default. */
  readonly maxRequestsPerConnection?: number;
  /**
   * True by default: SIGTERM and SIGINT finish what is in hand and exit with 0, SIGUSR1 is ignored (Node would open its
   * debugger), and a promise that is rejected with nobody to hear of it is one line on stderr and not the end. False
   * leaves the process to the program, which then ends itself with `shutdown()`.
   */
  readonly ownsProcess?: boolean;
}

export interface Responder {
  /** Accepts no more, and resolves when everything that was accepted has been answered. Harmless twice. */
  readonly shutdown: () => Promise<void>;
  /** Resolves when it has been shut down. */
  readonly finished: Promise<void>;
}

/**
 * Answers the requests of a web server with `handler`.
 *
 * ```js
 * import { serve } from 'fpm-ts/responder';
 * serve(request => new Response(`Hello from ${request.url}\n`));
 * ```
 * @throws TypeError for an option that is none, or a handler that is no function
 * @throws Error when the descriptor is no listening socket; with `ownsProcess` that is one line on stderr and exit code 1
 */
export function serve(handler: RequestHandler, options: ServeOptions = {}): Responder {
  const settings = withDefaults(handler, options);
  if (!isListening(settings.descriptor)) return refuseDescriptor(settings);
  const poller = new Poller();
  const server = listen({ ...settings, poller, answer: answerWith(handler, settings.maxRequests), complain });
  const responder = responderOf(server, poller);
  if (settings.ownsProcess) takeCareOfProcess(responder.shutdown, complain);
  return responder;
}

function withDefaults(handler: unknown, options: ServeOptions): Required<ServeOptions> {
  if (typeof handler !== 'function')
    throw new TypeError('serve: the first argument is the function that answers');
  const settings = {
    protocol: options.protocol ?? 'fastcgi',
    descriptor: options.descriptor ?? 0,
    maxParamsBytes: options.maxParamsBytes ?? 1024 * 1024,
    maxRequests: options.maxRequests ?? 1024,
    maxRequestsPerConnection: options.maxRequestsPerConnection ?? 64,
    ownsProcess: options.ownsProcess ?? true,
  };
  if (!isServerProtocol(options.protocol ?? 'fastcgi')) {
    const answered = namesInWords(SERVER_PROTOCOLS, 'or');
    throw new TypeError(`serve: protocol is ${answered}, not ${JSON.stringify(options.protocol)}`);
  }
  for (const name of ['maxParamsBytes', 'maxRequests', 'maxRequestsPerConnection'] as const) {
    if (!Number.isSafeInteger(settings[name]) || settings[name] < 1) {
      throw new TypeError(`serve: ${name} is a whole number from 1, not ${settings[name]}`);
    }
  }
  if (!Number.isSafeInteger(settings.descriptor) || settings.descriptor < 0) {
    throw new TypeError(`serve: descriptor is the number of an open socket, not ${settings.descriptor}`);
  }
  return settings;
}

/** A program that was started by hand: whoever did it has to hear how it is done, and not where in the code we are. */
function refuseDescriptor({ descriptor, ownsProcess }: Required<ServeOptions>): never {
  const program = process.argv[1] ?? 'app.mjs';
  const problem =
    `descriptor ${descriptor} is not a listening socket. Whoever starts this program has to open it: run it as the ` +
    `command of a pool, or try it with: fpm-ts spawn -n -s /tmp/app.sock -- ${process.execPath} ${program}`;
  if (!ownsProcess) throw new Error(`serve: ${problem}`);
  complain(problem);
  process.exit(1);
}

function answerWith(handler: RequestHandler, maxRequests: number): Answer {
  let inHand = 0;
  const finished = (): void => {
    inHand -= 1;
  };
  return exchange => {
    const answering = new Answering(exchange, { handler, complain, finished });
    inHand += 1;
    if (inHand > maxRequests) answering.refuse(new RefusedRequest(503, 'Too many requests at once.'));
    else answering.begin();
    return answering;
  };
}

function responderOf(server: Server, poller: Poller): Responder {
  let settle: (stopped: Promise<void>) => void = () => {};
  const finished = new Promise<void>(resolve => {
    settle = resolve;
  });
  let isStopping = false;
  const shutdown = (): Promise<void> => {
    if (!isStopping) settle(server.stop().then(() => poller.close()));
    isStopping = true;
    return finished;
  };
  return { finished, shutdown };
}

/** console, because a stderr that nobody reads any more must not be the end either. */
function complain(problem: string): void {
  console.error(`fpm-ts/responder: ${problem}`);
}
