/** src/server in the test's own process, on a socket of its own, and bare clients that talk to it. */
import { once } from 'node:events';
import { closeSync } from 'node:fs';
import { connect, type NetConnectOpts, type Socket } from 'node:net';
import { join } from 'node:path';
import { listenUnix } from '../../src/os/listener.ts';
import { listenTcp } from '../../src/os/tcp-listener.ts';
import type { Answer, Exchange, ExchangeHandler } from '../../src/protocols/incoming-exchange.ts';
import type { ServerProtocol } from '../../src/protocols/names.ts';
import type { ServerOptions } from '../../src/server/server-options.ts';
import { listen, type Server } from '../../src/server/socket-server.ts';
import { pollerOf } from './listeners.ts';
import type { Place } from './place.ts';
import { freePort } from './ports.ts';

export type Transport = 'unix' | 'tcp';

/** What a request brought up to now; its answer is the test's. */
export interface SeenRequest {
  readonly exchange: Exchange;
  readonly params: ReadonlyMap<string, string>;
  bodyBytes: number;
  /** Latin-1. */
  body: string;
  hasWholeBody: boolean;
  drained: number;
  isGone: boolean;
}

export interface ExchangeServer {
  readonly address: NetConnectOpts;
  readonly server: Server;
  readonly requests: SeenRequest[];
  readonly complaints: string[];
  /** A connected client, which the end of the place closes. */
  open(): Promise<Socket>;
}

export interface ExchangeServerOptions extends Partial<ServerOptions> {
  readonly protocol?: ServerProtocol;
  readonly transport?: Transport;
  /** Called at each request and as things happen to it, for answers that the test does not give itself. */
  readonly happened?: (request: SeenRequest, what: keyof ExchangeHandler | 'begin') => void;
}

let listeners = 0;

/** Stopped at the end of the place, and all must have ended by then. */
export async function startExchangeServer(
  place: Place,
  options: ExchangeServerOptions = {},
): Promise<ExchangeServer> {
  const { transport = 'unix', happened, ...more } = options;
  const { descriptor, address } = await listenOn(place, transport);
  const requests: SeenRequest[] = [];
  const complaints: string[] = [];
  const server = listen({
    descriptor,
    protocol: 'fastcgi',
    poller: pollerOf(place),
    answer: recorder(requests, happened ?? (() => {})),
    maxParamsBytes: 1024 * 1024,
    maxRequestsPerConnection: 64,
    maxRequests: 64,
    complain: problem => complaints.push(problem),
    ...more,
  });
  place.defer(async () => {
    await server.stop();
    closeSync(descriptor);
  });
  return {
    address,
    server,
    requests,
    complaints,
    async open() {
      const socket = connect({ ...address, allowHalfOpen: true, noDelay: true });
      place.defer(() => void socket.destroy());
      await once(socket, 'connect');
      socket.on('error', () => {}); // a connection that is reset; 'close' follows
      return socket;
    },
  };
}

async function listenOn(
  place: Place,
  transport: Transport,
): Promise<{ descriptor: number; address: NetConnectOpts }> {
  if (transport === 'tcp') {
    const port = await freePort();
    const address = { host: '127.0.0.1', port, dualStack: false, backlog: 511, allowedClients: [] };
    return { descriptor: listenTcp(address), address: { host: '127.0.0.1', port } };
  }
  const path = join(place.dir, `exchanges-${listeners++}.sock`);
  const owner = { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 };
  const { descriptor } = listenUnix({ path, backlog: 511, mode: 0o600, ...owner });
  return { descriptor, address: { path } };
}

function recorder(requests: SeenRequest[], happened: NonNullable<ExchangeServerOptions['happened']>): Answer {
  return exchange => {
    const request: SeenRequest = {
      exchange,
      params: new Map(exchange.params.map(([name, value]) => [String(name), String(value)])),
      bodyBytes: 0,
      body: '',
      hasWholeBody: false,
      drained: 0,
      isGone: false,
    };
    requests.push(request);
    happened(request, 'begin');
    return {
      body(chunk) {
        request.bodyBytes += chunk.length;
        if (request.bodyBytes <= 1024 * 1024) request.body += chunk.toString('latin1');
        happened(request, 'body');
      },
      bodyEnd() {
        request.hasWholeBody = true;
        happened(request, 'bodyEnd');
      },
      drained() {
        request.drained++;
        happened(request, 'drained');
      },
      gone() {
        request.isGone = true;
        happened(request, 'gone');
      },
    };
  };
}
