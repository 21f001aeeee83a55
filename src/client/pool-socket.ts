/**
 * A connection to a worker on which a failed write is not the end: a program may answer and close before it
 * has read the whole body (a refused upload), and its answer still waits in our receive queue. Node would
 * destroy the socket with the answer in it; nginx reads on, and so does this. How the reading ends then
 * decides.
 */
import { Socket } from 'node:net';
import type { ConnectAddress } from './pool-target.ts';

type Done = (error?: Error | null) => void;

export class PoolSocket extends Socket {
  override _write(chunk: Buffer, encoding: BufferEncoding, done: Done): void {
    super._write(chunk, encoding, () => done());
  }

  override _writev(chunks: { chunk: Buffer; encoding: BufferEncoding }[], done: Done): void {
    super._writev?.(chunks, () => done());
  }
}

/** Begins to connect; the socket's 'connect' or 'error' says how it went. */
export function connectTo(address: ConnectAddress): PoolSocket {
  const socket = new PoolSocket();
  if (address.type === 'unix') return socket.connect({ path: address.path });
  return socket.connect({ host: address.host, port: address.port, noDelay: true });
}
