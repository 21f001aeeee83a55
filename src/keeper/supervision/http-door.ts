/**
 * HTTP behind the door of the control socket, for the supervisor and for the keeper that stands in for it: one request
 * at a time on a connection, and whoever says nothing is sent away.
 */
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { FpmError } from '../../errors.ts';
import { currentFileLimit } from '../../os/file-limit.ts';
import type { Peer } from '../../os/peer.ts';
import type { NoPlace, Rank } from './connection-places.ts';
import { Door } from './door.ts';
import { errorBody } from './error-body.ts';

/** Or half of what the process may have open: its own work needs descriptors, too. */
const MOST_CONNECTIONS = 500;
/** In which a whole request has to come. Strangers are refused whatever they ask. */
const REQUEST_TIMEOUT_MS = 10_000;
const STRANGERS_TIMEOUT_MS = 2000;

export interface HttpDoorOptions {
  /** A listening socket; it is closed with the door. */
  readonly descriptor: number;
  readonly rankOf: (peer: Peer) => Rank;
  readonly answer: (request: IncomingMessage, response: ServerResponse, peer: Peer) => void;
}

interface Connection {
  readonly peer: Peer;
  readonly timeoutMs: number;
  /** Ends it unless a request comes. */
  deadline: NodeJS.Timeout;
  /** How many requests it has sent, and how many of them are answered. */
  asked: number;
  answered: number;
}

export class HttpDoor {
  readonly #options: HttpDoorOptions;
  readonly #server: Server;
  readonly #door: Door;
  readonly #connections = new Map<Socket, Connection>();
  #isClosing = false;
  #whenEmpty: () => void = () => {};

  constructor(options: HttpDoorOptions) {
    this.#options = options;
    // A part of Node itself, and a large one: nothing is read from disk, and most keepers never need it.
    const { createServer } = process.getBuiltinModule('node:http');
    this.#server = createServer();
    const asked = (request: IncomingMessage, response: ServerResponse): void =>
      this.#asked(request, response);
    this.#server.on('request', asked);
    this.#server.on('checkContinue', asked); // else Node would ask for the body before the caller is known
    this.#door = new Door({
      descriptor: options.descriptor,
      places: Math.min(MOST_CONNECTIONS, Math.floor(Number(currentFileLimit()) / 2)),
      rankOf: options.rankOf,
      admit: (socket, peer, rank) => this.#admit(socket, peer, rank),
      refusal,
    });
  }

  /**
   * Takes no more connections; answers that are under way are finished.
   * @param graceMs how long they may take; null: as long as they need
   */
  async close(graceMs: number | null): Promise<void> {
    this.#isClosing = true;
    this.#door.close();
    for (const [socket, { asked, answered }] of this.#connections)
      if (asked > 0 && asked === answered) socket.destroy();
    if (this.#connections.size === 0) return;
    await new Promise<void>(resolve => {
      this.#whenEmpty = resolve;
      if (graceMs !== null) setTimeout(() => this.#closeAll(), graceMs).unref();
    });
  }

  #closeAll(): void {
    for (const socket of this.#connections.keys()) socket.destroy();
  }

  #admit(socket: Socket, peer: Peer, rank: Rank): void {
    const timeoutMs = rank === 'stranger' ? STRANGERS_TIMEOUT_MS : REQUEST_TIMEOUT_MS;
    const connection = { peer, timeoutMs, deadline: deadlineOf(socket, timeoutMs), asked: 0, answered: 0 };
    this.#connections.set(socket, connection);
    socket.once('close', () => {
      clearTimeout(connection.deadline);
      this.#connections.delete(socket);
      if (this.#connections.size === 0) this.#whenEmpty();
    });
    this.#server.emit('connection', socket);
  }

  #asked(request: IncomingMessage, response: ServerResponse): void {
    const { socket } = request;
    const connection = this.#connections.get(socket);
    if (connection === undefined) return; // it is closed already
    connection.asked++;
    response.once('close', () => this.#answered(socket, connection));
    if (connection.asked > connection.answered + 1) {
      response.writeHead(429, { 'content-type': 'application/json', connection: 'close' });
      response.end(busyBody('a connection takes one request at a time: wait for the answer'));
      return;
    }
    if (hasBody(request)) request.once('end', () => clearTimeout(connection.deadline));
    else clearTimeout(connection.deadline);
    this.#options.answer(request, response, connection.peer);
  }

  #answered(socket: Socket, connection: Connection): void {
    connection.answered++;
    clearTimeout(connection.deadline);
    if (this.#isClosing) socket.destroySoon();
    else if (!socket.destroyed) connection.deadline = deadlineOf(socket, connection.timeoutMs);
  }
}

function deadlineOf(socket: Socket, timeoutMs: number): NodeJS.Timeout {
  return setTimeout(() => socket.destroy(), timeoutMs).unref();
}

function hasBody({ headers }: IncomingMessage): boolean {
  return 'content-length' in headers || 'transfer-encoding' in headers;
}

const OWN = 'your user has as many connections to the control socket as one user may have';
const ALL = 'too many connections to the control socket are open';

function refusal(why: NoPlace): Buffer {
  const body = busyBody(`${why === 'own' ? OWN : ALL}: nothing was done; try again when some are closed`);
  const head = [
    why === 'own' ? 'HTTP/1.1 429 Too Many Requests' : 'HTTP/1.1 503 Service Unavailable',
    'content-type: application/json',
    `content-length: ${Buffer.byteLength(body)}`,
    'connection: close',
  ];
  return Buffer.from(`${head.join('\r\n')}\r\n\r\n${body}`);
}

function busyBody(message: string): string {
  return `${JSON.stringify(errorBody(new FpmError('BUSY', message)))}\n`;
}
