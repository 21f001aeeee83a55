/** One HTTP request on the control socket and its answer, as long as the other end shows signs of life. */
import { request as httpRequest } from 'node:http';
import type { Socket } from 'node:net';
import { SILENCE_LIMIT_MS } from './signs-of-life.ts';

export interface ControlRequest {
  readonly socketPath: string;
  readonly method: string;
  readonly path: string;
  /** JSON; empty: none. */
  readonly body: string;
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

/** @throws {SilenceError}; {NodeJS.ErrnoException} when there is no connection or it broke */
export function exchange(asked: ControlRequest): Promise<{
  readonly status: number;
  readonly text: string;
}> {
  const { socketPath, method, path, body, silenceMs = SILENCE_LIMIT_MS } = asked;
  return new Promise((resolve, reject) => {
    const headers = { host: 'control', ...(body !== '' && { 'content-length': Buffer.byteLength(body) }) };
    const request = httpRequest({ socketPath, method, path, headers, agent: false }, response => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('end', () =>
        resolve({ status: response.statusCode ?? 0, text: Buffer.concat(chunks).toString() }),
      );
      response.on('error', reject);
    });
    request.setTimeout(silenceMs, () => {
      void whoAnswers(request.socket).then(pid => {
        reject(new SilenceError(pid, silenceMs));
        request.destroy();
      });
    });
    request.on('error', reject);
    request.end(body);
  });
}

/** The kernel knows who listens. Loaded only now: the binding to the C library takes as long as a whole command. */
async function whoAnswers(socket: Socket | null): Promise<number | null> {
  const { peerOf } = await import('../os/peer.ts');
  try {
    const { fd } = (socket as unknown as { _handle: { fd: number } })._handle;
    return peerOf(fd).pid || null; // 0: in a pid namespace that is not ours
  } catch {
    return null; // it has just been closed
  }
}
