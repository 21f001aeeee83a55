/** What the client is tested against: real programs under spawn-fcgi, and bare sockets for hostile answers. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import type { ConnectAddress, PoolTarget } from '../../../src/client/pool-target.ts';
import { cleanEnvironment } from '../../lib/command.ts';
import { findProgram } from '../../lib/needs.ts';
import type { Place } from '../../lib/place.ts';
import { until } from '../../lib/poll.ts';
import type { Scope } from '../../lib/suite.ts';

export interface Program {
  readonly pid: number;
  readonly path: string;
  readonly address: ConnectAddress;
  /** Sends TERM; resolves with the exit code, or null when a signal ended it. */
  terminate(): Promise<number | null>;
  stderr(): string;
}

/** Starts a program as a web server's spawn-fcgi would: with the listener on descriptor 0. */
export async function startProgram(
  scope: Place,
  name: string,
  command: readonly string[],
  cwd?: string,
): Promise<Program> {
  const path = join(scope.dir, `${name}.sock`);
  const args = ['-n', '-s', path, '-M', '0666', '--', ...command];
  const child = spawn(findProgram('spawn-fcgi') ?? 'spawn-fcgi', args, {
    cwd: cwd ?? scope.dir,
    env: cleanEnvironment(),
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const errors: Buffer[] = [];
  child.stderr.on('data', (chunk: Buffer) => errors.push(chunk));
  const stderr = (): string => Buffer.concat(errors).toString();
  const exited = once(child, 'exit');
  const terminate = async (): Promise<number | null> => {
    if (child.exitCode === null && child.signalCode === null) child.kill('SIGTERM');
    await exited;
    return child.exitCode;
  };
  scope.defer(async () => {
    await terminate();
  });
  await until(() => isListening(path), { what: `${name} to listen`, explain: stderr });
  return { pid: child.pid ?? 0, path, address: { type: 'unix', path }, terminate, stderr };
}

/** __SO_ACCEPTCON among the flags of /proc/net/unix: a connection to ask with would be one for the program. */
function isListening(path: string): boolean {
  const lines = readFileSync('/proc/self/net/unix', 'utf8').split('\n');
  return lines.some(line => line.endsWith(` ${path}`) && line.includes(' 00010000 '));
}

export interface Peer {
  readonly address: ConnectAddress;
  readonly server: Server;
}

/** A listener whose connections do what the test says, byte by byte. */
export async function startPeer(scope: Scope, name: string, serve: (socket: Socket) => void): Promise<Peer> {
  const path = join(scope.dir, `${name}.sock`);
  const sockets = new Set<Socket>();
  const server = createServer({ allowHalfOpen: true }, socket => {
    sockets.add(socket);
    // What the client does to the connection is what the tests are about, not an accident.
    socket.on('error', () => {});
    serve(socket);
  });
  server.listen(path);
  await once(server, 'listening');
  scope.defer(async () => {
    for (const socket of sockets) socket.destroy();
    server.close();
    await once(server, 'close');
  });
  return { address: { type: 'unix', path }, server };
}

export function poolAt(address: ConnectAddress, more: Partial<PoolTarget> = {}): PoolTarget {
  return { name: 'www', protocol: 'fastcgi', index: 'index.php', params: {}, listen: { address }, ...more };
}
