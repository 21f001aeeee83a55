/** A connection to a pool that is kept: one request after another over it, as a web server with fastcgi_keep_conn does. */
import { once } from 'node:events';
import { createConnection, type NetConnectOpts, type Socket } from 'node:net';
import { encodeBeginRequest } from '../../src/protocols/fastcgi/bodies.ts';
import {
  CLIENT_REQUEST_ID,
  encodeStdinEnd,
  FastcgiClientReader,
} from '../../src/protocols/fastcgi/client.ts';
import { RECORD, ROLE } from '../../src/protocols/fastcgi/constants.ts';
import { encodePairs } from '../../src/protocols/fastcgi/pairs.ts';
import { encodeRecord, encodeStreamEnd } from '../../src/protocols/fastcgi/records.ts';
import type { Place } from './place.ts';

export interface KeptConnection {
  /** What the worker writes to its stdout; fails when the connection ends before the answer does. */
  ask(query: string): Promise<string>;
}

export async function keepConnection(place: Place, address: NetConnectOpts): Promise<KeptConnection> {
  const socket = createConnection(address);
  place.defer(() => void socket.destroy());
  await once(socket, 'connect');
  socket.on('error', () => {}); // 'close' follows
  return { ask: query => ask(socket, query) };
}

function ask(socket: Socket, query: string): Promise<string> {
  const ended = new Error('the connection ended before the answer');
  if (socket.destroyed) return Promise.reject(ended);
  const params = encodePairs([
    ['REQUEST_METHOD', 'GET'],
    ['QUERY_STRING', query],
  ]);
  const begin = encodeBeginRequest({ role: ROLE.responder, keepConnection: true });
  socket.write(
    Buffer.concat([
      encodeRecord(RECORD.beginRequest, CLIENT_REQUEST_ID, begin),
      encodeRecord(RECORD.params, CLIENT_REQUEST_ID, params),
      encodeStreamEnd(RECORD.params, CLIENT_REQUEST_ID),
      encodeStdinEnd(),
    ]),
  );
  return new Promise((resolve, reject) => {
    const reader = new FastcgiClientReader();
    let text = '';
    const onData = (bytes: Buffer): void => {
      for (const event of reader.push(bytes)) {
        if (event.type === 'stdout') text += event.chunk.toString('latin1');
        if (event.type === 'end') done(() => resolve(text));
      }
    };
    const onEnd = (): void => done(() => reject(ended));
    const done = (then: () => void): void => {
      socket.off('data', onData).off('close', onEnd).off('error', onEnd);
      then();
    };
    socket.on('data', onData).on('close', onEnd).on('error', onEnd);
  });
}
