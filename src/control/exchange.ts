/** One HTTP request on the control socket and its answer, as long as the other end shows signs of life. */
import { request as httpRequest } from 'node:http';
import { connect, type Socket } from 'node:net';
import { type Peer, peerOf } from '../os/peer.ts';
import { SILENCE_LIMIT_MS } from './signs-of-life.ts';

export interface ControlRequest {
  readonly socketPath: string;
  readonly method: string;
  readonly path: string;
  /** JSON; empty: none. */
  readonly body: string;
  /** Throws for whom we do not talk to: nothing is sent then. */
  readonly mayAnswer: (uid: number) => void;
  /** How long nothing may be heard; by default so long that only a supervisor that hangs is silent. */
  readonly silenceMs?: number;
}

/** Somebody has the socket open, and has said nothing for so long. */
export class SilenceError extends Error {
  /** Who; null where the kernel does not tell. */
  readonly pid: number | null;

  constructor(pid: number | null, silenceMs: number) {
    super(`nothing was heard for ${silenceMs / 1000} seconds`);
    this.name = 'SilenceError';
    this.pid = pid;
  }
}

/** @throws {SilenceError}; {NodeJS.ErrnoException} when there is no connection or it broke; what `mayAnswer` throws */
export async function exchange(asked: ControlRequest): Promise<Answer> {
  const socket = await connected(asked.socketPath);
  try {
    const peer = peerAt(socket);
    if (peer !== null) asked.mayAnswer(peer.uid);
    return await ask(asked, socket, peer);
  } finally {
    socket.destroy();
  }
}

export interface Answer {
  readonly status: number;
  readonly text: string;
}

function connected(socketPath: string): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect(socketPath);
    socket.once('error', reject);
    socket.once('connect', () => {
      socket.off('error', reject);
      resolve(socket);
    });
  });
}

function ask(asked: ControlRequest, socket: Socket, peer: Peer | null): Promise<Answer> {
  const { method, path, body, silenceMs = SILENCE_LIMIT_MS } = asked;
  return new Promise((resolve, reject) => {
    const headers = { host: 'control', ...(body !== '' && { 'content-length': Buffer.byteLength(body) }) };
    const request = httpRequest({ createConnection: () => socket, method, path, headers }, response => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('end', () =>
        resolve({ status: response.statusCode ?? 0, text: Buffer.concat(chunks).toString() }),
      );
      response.on('error', reject);
    });
    request.setTimeout(silenceMs, () => {
      reject(new SilenceError((peer?.pid ?? 0) || null, silenceMs)); // 0: in a pid namespace that is not ours
      request.destroy();
    });
    request.on('error', reject);
    request.end(body);
  });
}

/** null: it has just been closed. */
function peerAt(socket: Socket): Peer | null {
  const { _handle: handle } = socket as unknown as { readonly _handle: { readonly fd: number } | null };
  return handle === null || handle.fd < 0 ? null : peerOf(handle.fd);
}
