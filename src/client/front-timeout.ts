/**
 * Ends connections of HTTP clients that neither send what they announced nor read what they are sent. A
 * client that waits for the program is left alone: the program has its own timeout.
 */
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

export function destroyStuck(server: Server, timeoutMs: number): void {
  const current = new WeakMap<Socket, [IncomingMessage, ServerResponse]>();
  const remember = (request: IncomingMessage, response: ServerResponse): void => {
    current.set(request.socket, [request, response]);
  };
  server.on('request', remember);
  server.on('checkContinue', remember);
  server.setTimeout(timeoutMs, (socket: Socket) => {
    const exchange = current.get(socket);
    if (exchange !== undefined && waitsForProgram(...exchange)) socket.setTimeout(timeoutMs);
    else socket.destroy();
  });
}

function waitsForProgram(request: IncomingMessage, response: ServerResponse): boolean {
  const waitsForBody = !request.complete && request.readableLength === 0;
  return !response.writableFinished && !response.writableNeedDrain && !waitsForBody;
}
