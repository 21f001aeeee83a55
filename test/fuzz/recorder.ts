/** A responder that keeps every byte a web server sends it, a connection a recording, and answers each request. */
import { once } from 'node:events';
import { chmodSync } from 'node:fs';
import { createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { encodeEnd, encodeStdout, FastcgiServerReader } from '../../src/protocols/fastcgi/server.ts';
import { ScgiServerReader } from '../../src/protocols/scgi/server.ts';
import type { Place } from '../lib/place.ts';

const ANSWER = Buffer.from('Content-Type: text/plain\r\n\r\nrecorded\n');

export interface Recording {
  readonly chunks: Buffer[];
  isClosed: boolean;
}

/** Listens on a socket file in the place until that closes. */
export async function startRecorder(
  place: Place,
  protocol: 'fastcgi' | 'scgi',
): Promise<{ path: string; recordings: readonly Recording[] }> {
  const path = join(place.dir, `${protocol}.sock`);
  const recordings: Recording[] = [];
  const sockets = new Set<Socket>();
  const server = createServer(socket => {
    const recording: Recording = { chunks: [], isClosed: false };
    recordings.push(recording);
    sockets.add(socket);
    const answer = protocol === 'fastcgi' ? answerFastcgi(socket) : answerScgi(socket);
    socket.on('data', chunk => {
      recording.chunks.push(chunk);
      answer(chunk);
    });
    socket.on('error', () => {});
    socket.on('close', () => {
      recording.isClosed = true;
      sockets.delete(socket);
    });
  });
  server.listen(path);
  await once(server, 'listening');
  chmodSync(path, 0o666);
  place.defer(async () => {
    server.close();
    for (const socket of sockets) socket.destroy();
    await once(server, 'close');
  });
  return { path, recordings };
}

function answerFastcgi(socket: Socket): (chunk: Buffer) => void {
  const reader = new FastcgiServerReader();
  const kept = new Map<number, boolean>();
  return chunk => {
    for (const event of reader.push(chunk)) {
      if (event.type === 'request') kept.set(event.requestId, event.keepConnection);
      if (event.type !== 'body-end') continue;
      const { requestId } = event;
      reader.finish(requestId);
      socket.write(Buffer.concat(encodeStdout(requestId, ANSWER)));
      socket.write(encodeEnd(requestId, { appStatus: 0, protocolStatus: 0 }));
      if (kept.get(requestId) !== true) socket.end();
    }
  };
}

function answerScgi(socket: Socket): (chunk: Buffer) => void {
  const reader = new ScgiServerReader();
  return chunk => {
    for (const event of reader.push(chunk)) if (event.type === 'body-end') socket.end(ANSWER);
  };
}
