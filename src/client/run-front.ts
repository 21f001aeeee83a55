/** `fpm-ts serve POOL --http ADDRESS`: the HTTP front as a process, on a terminal or as a worker of a pool. */
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import type { Server } from 'node:http';
import { join } from 'node:path';
import type { Writable } from 'node:stream';
import { EXIT, type ExitCode, FpmError } from '../errors.ts';
import { lookupGroup, lookupUser } from '../os/users.ts';
import { printable } from '../printable.ts';
import { giveUpRoot, type Identity, nobody } from '../responders/give-up-root.ts';
import { formatHttpAddress, type HttpAddress, parseHttpAddress } from './http-address.ts';
import { createFront, DEFAULT_FRONT_OPTIONS } from './http-front.ts';
import { listenOnFree } from './listen-free.ts';
import type { PoolTarget } from './pool-target.ts';
import { type Output, programOutput } from './program-output.ts';

export interface ServeOptions {
  /** As parseHttpAddress takes it. */
  readonly http: string;
}

export interface ServeIo {
  readonly stdout: Writable;
  readonly stderr: Output;
}

/**
 * Serves until SIGTERM or SIGINT, then finishes what is in hand; a second signal ends that too. When root, it
 * becomes the pool's user once the port is bound, or nobody where the pool runs as root.
 * @throws FpmError USAGE, FAILED before it listens.
 */
export async function runFront(pool: PoolTarget, options: ServeOptions, io: ServeIo): Promise<ExitCode> {
  const stopped = stopSignal();
  const wanted = parseHttpAddress(options.http);
  const server = createFront(pool, {
    ...DEFAULT_FRONT_OPTIONS,
    onFailure: line => void io.stderr.write(`${printable(line)}\n`),
    onStderr: programOutput(io.stderr),
  });
  const command = statusCommand();
  const identity = identityOf(pool);
  const bound = await listenOnFree(server, wanted);
  try {
    giveUpRoot(identity);
  } catch (error) {
    server.close();
    const reason = error instanceof Error ? error.message : String(error);
    throw new FpmError('FAILED', `root cannot be given up, so nothing is served: ${reason}`);
  }
  announce(pool.name, wanted, bound, command, io.stdout);
  await stopped;
  await close(server);
  return EXIT.ok;
}

/** Registered before anything is opened, so that a signal during the start is not lost. */
function stopSignal(): Promise<unknown> {
  return Promise.race([once(process, 'SIGTERM'), once(process, 'SIGINT')]);
}

function announce(
  name: string,
  wanted: HttpAddress,
  bound: HttpAddress,
  command: string,
  stdout: Writable,
): void {
  if (wanted.port !== 0 && wanted.port !== bound.port) {
    stdout.write(`port ${wanted.port} is taken, so this is port ${bound.port}\n`);
  }
  const url = `http://${formatHttpAddress(bound)}/`;
  stdout.write(`pool ${name} at ${url}\n`);
  stdout.write(`try next: curl ${url} and, in a second terminal, ${command}\n`);
}

/** In a checkout the command is not on the PATH. Asked before root is given up: /root may be closed then. */
function statusCommand(): string {
  const isCheckout = existsSync(join(import.meta.dirname, '..', '..', 'src'));
  return isCheckout ? 'npx fpm-ts status' : 'fpm-ts status';
}

function identityOf(pool: PoolTarget): Identity {
  if (pool.user === undefined) return nobody();
  const user = lookupUser(pool.user);
  if (user === null)
    throw new FpmError('FAILED', `pool ${pool.name} runs as ${pool.user}, whom nobody knows here`);
  if (user.uid === 0) return nobody();
  const gid = pool.group === undefined ? user.gid : (lookupGroup(pool.group)?.gid ?? null);
  return { uid: user.uid, gid: gid === null || gid === 0 ? nobody().gid : gid };
}

async function close(server: Server): Promise<void> {
  const closed = once(server, 'close');
  server.close();
  const now = (): void => server.closeAllConnections();
  process.once('SIGTERM', now);
  process.once('SIGINT', now);
  await closed;
  process.off('SIGTERM', now);
  process.off('SIGINT', now);
}
