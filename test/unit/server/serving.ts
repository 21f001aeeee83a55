/** The library on a real socket in this process, and requests to it as a web server sends them. */
import { closeSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { ClientError } from '../../../src/client/client-error.ts';
import { sendRequest } from '../../../src/client/send-request.ts';
import { listenUnix } from '../../../src/os/listener.ts';
import type { ResponseHead } from '../../../src/protocols/cgi-response/head.ts';
import { encodeBeginRequest } from '../../../src/protocols/fastcgi/bodies.ts';
import { RECORD, ROLE } from '../../../src/protocols/fastcgi/constants.ts';
import { encodePairs } from '../../../src/protocols/fastcgi/pairs.ts';
import { encodeRecord, encodeStream, encodeStreamEnd } from '../../../src/protocols/fastcgi/records.ts';
import type { Pair } from '../../../src/protocols/pair.ts';
import type { RequestHandler } from '../../../src/server/handler.ts';
import { type Responder, type ServeOptions, serve } from '../../../src/server/responder.ts';
import type { Scope } from '../../lib/suite.ts';

export type Protocol = 'fastcgi' | 'scgi';
export const PROTOCOLS: readonly Protocol[] = ['fastcgi', 'scgi'];

export type Said = Readonly<Record<string, string | Buffer>>;

export interface Answered {
  readonly head: ResponseHead;
  readonly fields: readonly Pair<string>[];
  readonly text: string;
  /** FCGI_STDERR. */
  readonly stderr: string;
  /** False when the answer was cut. */
  readonly isWhole: boolean;
}

export interface Served {
  readonly path: string;
  readonly responder: Responder;
  readonly ask: (variables?: Said, body?: Buffer | Readable | null) => Promise<Answered>;
  /** A bare connection. */
  readonly open: () => Socket;
}

/** What every web server sends. */
const USUAL: Said = {
  REQUEST_METHOD: 'GET',
  REQUEST_URI: '/',
  HTTP_HOST: 'example.org',
  SERVER_PROTOCOL: 'HTTP/1.1',
};

let served = 0;

export function startServing(
  scope: Scope,
  handler: RequestHandler,
  options: Omit<ServeOptions, 'descriptor' | 'ownsProcess'> = {},
): Served {
  const path = join(scope.dir, `responder-${served++}.sock`);
  const owner = { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 };
  const { descriptor } = listenUnix({ path, backlog: 64, mode: 0o600, ...owner });
  const responder = serve(handler, { ...options, descriptor, ownsProcess: false });
  const sockets = new Set<Socket>();
  scope.defer(async () => {
    for (const socket of sockets) socket.destroy();
    await responder.shutdown();
    closeSync(descriptor);
  });
  return {
    path,
    responder,
    ask: (variables = {}, body = null) => ask(path, options.protocol ?? 'fastcgi', variables, body),
    open() {
      const socket = connect({ path, allowHalfOpen: true });
      socket.on('error', () => {}); // what becomes of the connection is what is looked at
      sockets.add(socket);
      return socket;
    },
  };
}

async function ask(
  path: string,
  protocol: Protocol,
  variables: Said,
  body: Buffer | Readable | null,
): Promise<Answered> {
  const length: Said = Buffer.isBuffer(body) ? { CONTENT_LENGTH: String(body.length) } : {};
  const stderr: Buffer[] = [];
  const answer = await sendRequest({
    address: { type: 'unix', path },
    protocol,
    params: Object.entries({ ...USUAL, ...length, ...variables }),
    body,
    timeoutMs: 20_000,
    onStderr: chunk => stderr.push(chunk),
  });
  const { head } = answer;
  const said = { head, fields: head.fields };
  try {
    const whole = await text(answer.body);
    await answer.end;
    return { ...said, text: whole, stderr: Buffer.concat(stderr).toString(), isWhole: true };
  } catch (error) {
    if (!(error instanceof ClientError)) throw error;
    return { ...said, text: '', stderr: '', isWhole: false };
  }
}

/** The records of a FastCGI request up to, but not with, its body. */
export function begun(variables: Said = {}, keepConnection = false): Buffer {
  const params = encodePairs(Object.entries({ ...USUAL, ...variables }));
  return Buffer.concat([
    encodeRecord(RECORD.beginRequest, 1, encodeBeginRequest({ role: ROLE.responder, keepConnection })),
    ...encodeStream(RECORD.params, 1, params),
    encodeStreamEnd(RECORD.params, 1),
  ]);
}

/** A piece of its body; null: the end. */
export function stdin(content: Buffer | null): Buffer {
  return content === null
    ? encodeStreamEnd(RECORD.stdin, 1)
    : Buffer.concat(encodeStream(RECORD.stdin, 1, content));
}
