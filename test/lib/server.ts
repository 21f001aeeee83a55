/** A web server as a child in the foreground: started, waited for, and ended by its pid. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { cleanEnvironment } from './command.ts';
import { assertNothingLeft, watchProcesses } from './leftovers.ts';
import { until } from './poll.ts';
import type { Scope } from './suite.ts';

export interface ServerCommand {
  readonly command: string;
  readonly args: readonly string[];
  /** Its own directory under the suite's. */
  readonly dir: string;
  readonly errorLog: string;
  readonly port: number;
  /** Ends it at once. */
  readonly endSignal: NodeJS.Signals;
}

export interface Server {
  readonly pid: number;
  /** "http://127.0.0.1:PORT", without a slash at the end. */
  readonly url: string;
  /** The error log up to now. */
  errors(): string;
}

async function accepts(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1');
  try {
    await once(socket, 'connect');
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}

/** Resolves when the server accepts connections; at the end of the suite it is ended with all its processes. */
export async function startServer(scope: Scope, server: ServerCommand): Promise<Server> {
  const errors = (): string => readFileSync(server.errorLog, 'utf8');
  const fd = openSync(server.errorLog, 'a');
  const child = spawn(server.command, server.args, {
    cwd: server.dir,
    stdio: ['ignore', fd, fd],
    env: cleanEnvironment(),
  });
  closeSync(fd);
  let ended = false;
  const exited = new Promise<void>((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', () => {
      ended = true;
      resolve();
    });
  });
  const { pid } = child;
  if (pid === undefined) {
    await exited;
    throw new Error(`${server.command} did not start`);
  }
  const watch = watchProcesses();
  scope.defer(async () => {
    watch.look([pid]);
    if (!ended) child.kill(server.endSignal);
    await exited;
    await assertNothingLeft(watch, server.dir);
  });
  await until(
    async () => {
      if (ended) throw new Error(`${server.command} ended at once:\n${errors()}`);
      return accepts(server.port);
    },
    { what: `${server.command} to accept connections`, explain: errors },
  );
  return { pid, url: `http://127.0.0.1:${server.port}`, errors };
}
