/** FastCGI in bytes, for requests that no client would send, and connections that end where a test says. */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { buffer } from 'node:stream/consumers';
import type { ConnectAddress } from '../../src/client/pool-target.ts';
import { encodeBeginRequest } from '../../src/protocols/fastcgi/bodies.ts';
import { RECORD, ROLE } from '../../src/protocols/fastcgi/constants.ts';
import { encodePairs } from '../../src/protocols/fastcgi/pairs.ts';
import {
  encodeRecord,
  encodeStream,
  encodeStreamEnd,
  RecordReader,
} from '../../src/protocols/fastcgi/records.ts';
import type { Place } from './place.ts';

const ID = 1;

export interface RawRequest {
  readonly params: Readonly<Record<string, string>>;
  readonly keepConnection?: boolean;
  /** Sent as it is; null: the body is not ended. */
  readonly body?: Buffer | null;
}

/** The records of one request, with the id 1. */
export function rawRequest({ params, keepConnection = false, body = Buffer.alloc(0) }: RawRequest): Buffer {
  return Buffer.concat([
    encodeRecord(RECORD.beginRequest, ID, encodeBeginRequest({ role: ROLE.responder, keepConnection })),
    ...encodeStream(RECORD.params, ID, encodePairs(Object.entries(params))),
    encodeStreamEnd(RECORD.params, ID),
    ...(body === null ? [] : [rawBody(body), encodeStreamEnd(RECORD.stdin, ID)]),
  ]);
}

/** A piece of the body. */
export function rawBody(bytes: Buffer): Buffer {
  return Buffer.concat(encodeStream(RECORD.stdin, ID, bytes));
}

export const RAW_ABORT: Buffer = encodeRecord(RECORD.abortRequest, ID, Buffer.alloc(0));

/** A connection, closed with the place. */
export async function connectRaw(place: Place, address: ConnectAddress): Promise<Socket> {
  const socket = connect(address.type === 'unix' ? { path: address.path } : address);
  place.defer(() => void socket.destroy());
  await once(socket, 'connect');
  socket.on('error', () => {}); // what is cut off is meant to be
  return socket;
}

export interface RawAnswer {
  readonly stdout: string;
  readonly stderr: string;
  /** There was an FCGI_END_REQUEST. */
  readonly isWhole: boolean;
}

/** Reads until the other side closes. */
export async function readAnswer(socket: Socket): Promise<RawAnswer> {
  const bytes = await buffer(socket);
  const streams = new Map<number, Buffer[]>();
  for (const { header, content } of new RecordReader().push(bytes))
    streams.set(header.type, [...(streams.get(header.type) ?? []), content]);
  const text = (type: number): string => Buffer.concat(streams.get(type) ?? []).toString();
  return {
    stdout: text(RECORD.stdout),
    stderr: text(RECORD.stderr),
    isWhole: streams.has(RECORD.endRequest),
  };
}
