/**
 * The responder of the quick start: a FastCGI program that accepts on descriptor 0, as every worker does. On
 * SIGTERM it stops accepting, finishes what it has accepted, and exits with 0.
 */
import './ignore-sigusr1.ts';
import { createServer, type Socket } from 'node:net';
import { FastcgiConnection, type ResponderRequest } from './fastcgi-connection.ts';
import { giveUpRoot, nobody } from './give-up-root.ts';
import { helloResponse } from './hello-page.ts';

const LISTENER_DESCRIPTOR = 0;

const connections = new Map<Socket, FastcgiConnection>();
let served = 0;
let isStopping = false;

function respond({ params, bodyBytes }: ResponderRequest): Buffer {
  served += 1;
  return helloResponse({
    pid: process.pid,
    served,
    method: params.get('REQUEST_METHOD') ?? '',
    path: params.get('REQUEST_URI') ?? params.get('SCRIPT_NAME') ?? '',
    bodyBytes,
    accept: params.get('HTTP_ACCEPT') ?? '',
  });
}

const server = createServer(socket => {
  const connection = new FastcgiConnection(socket, respond);
  connections.set(socket, connection);
  socket.once('close', () => connections.delete(socket));
  if (isStopping) connection.stop();
});

process.on('SIGTERM', () => {
  if (isStopping) return;
  isStopping = true;
  server.close();
  for (const connection of connections.values()) connection.stop();
});

server.once('error', error => {
  const text = `descriptor 0 is not a listening socket: ${error.message}; run this as the command of a pool`;
  process.stderr.write(`hello: ${text}\n`);
  process.exitCode = 1;
});

// Everything is loaded now, so that a clone which only root can read needs no more reading.
giveUpRoot(nobody());
server.listen({ fd: LISTENER_DESCRIPTOR });
