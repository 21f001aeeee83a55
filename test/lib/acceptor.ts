/** A listener whose connections do exactly what a test says: `test/fixtures/c/acceptor.c`. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { createInterface } from 'node:readline';
import { compileFixture } from './compile.ts';
import type { Place } from './place.ts';

export type AcceptorKind = 'unix' | 'abstract' | 'tcp' | 'tcp-v6only';

export interface Acceptor {
  readonly pid: number;
  /** Of the listening socket. */
  readonly inode: number;
  /** TCP only. */
  readonly port: number;
  /** Accepts one, which must be waiting. @returns the inode of its socket */
  accept(): Promise<number>;
  /** The same by a child. */
  fork(): Promise<number>;
  /** Says that no more data comes from here. */
  finish(inode: number): Promise<void>;
  close(inode: number): Promise<void>;
  /** Connects to its own Unix listener. @returns the inode of the client's socket */
  dial(): Promise<number>;
  /** Begins a TCP handshake with the listener that stays half open. */
  beginHandshake(host: string): Promise<void>;
}

/** Runs until the place is closed. @param before a command in front of it, such as setpriv's */
export async function startAcceptor(
  place: Place,
  kind: AcceptorKind,
  address: string,
  before: readonly string[] = [],
): Promise<Acceptor> {
  const program = await compileFixture('acceptor', []);
  const [command, ...args] = [...before, program, kind, address];
  const child = spawn(command, args, { stdio: ['pipe', 'pipe', 'inherit'], detached: true });
  place.defer(async () => {
    const closed = child.exitCode ?? child.signalCode ?? once(child, 'close');
    child.stdin.end();
    await closed;
  });
  const lines = createInterface(child.stdout)[Symbol.asyncIterator]();
  const answer = async (): Promise<string> => {
    const { value, done } = await lines.next();
    if (done === true) throw new Error('the acceptor has ended');
    return value;
  };
  const ask = (line: string): Promise<string> => {
    child.stdin.write(`${line}\n`);
    return answer();
  };
  const [inode, port] = (await answer()).split(' ').map(Number);
  return {
    pid: child.pid ?? 0,
    inode: inode ?? 0,
    port: port ?? 0,
    accept: async () => Number(await ask('accept')),
    fork: async () => Number(await ask('fork')),
    finish: async connection => void (await ask(`finish ${connection}`)),
    close: async connection => void (await ask(`close ${connection}`)),
    dial: async () => Number(await ask('dial')),
    beginHandshake: async host => void (await ask(`connect ${host}`)),
  };
}

/** A connected client, ended with the place; its own end stays open when the other side finishes. */
export async function connectTo(
  place: Place,
  address: { readonly path: string } | { readonly host: string; readonly port: number },
): Promise<Socket> {
  const socket = connect({ ...address, allowHalfOpen: true });
  place.defer(() => void socket.destroy());
  await once(socket, 'connect');
  socket.on('error', () => {}); // one that is reset is meant to be
  socket.resume();
  return socket;
}
