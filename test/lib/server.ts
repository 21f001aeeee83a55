/** Other people's servers as children in the foreground: started, waited for, and ended by their pid. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { cleanEnvironment } from './command.ts';
import { assertNothingLeft, watchProcesses } from './leftovers.ts';
import type { Place } from './place.ts';
import { until } from './poll.ts';

export interface ProcessCommand {
  readonly command: string;
  readonly args: readonly string[];
  /** Its own directory under the place's; no socket may be left there. */
  readonly dir: string;
  /** Where its stdout and stderr go. */
  readonly errorLog: string;
  /** Ends it at once, with all its processes. */
  readonly endSignal: NodeJS.Signals;
  /** Added to the environment. */
  readonly env?: Readonly<Record<string, string>>;
  /** It gets a session of its own, as a daemon has; Ctrl-C then does not reach it. */
  readonly ownSession?: boolean;
}

export interface ServerCommand extends ProcessCommand {
  readonly port: number;
}

export interface StartedProcess {
  readonly pid: number;
  /** The error log up to now. */
  errors(): string;
  /** Throws when it has ended. */
  assertRunning(): void;
}

export interface Server extends StartedProcess {
  /** "http://127.0.0.1:PORT", without a slash at the end. */
  readonly url: string;
}

/** @param listen a path or HOST:PORT */
export async function accepts(listen: string): Promise<boolean> {
  const [host, port] = listen.split(':');
  const socket = port === undefined ? connect(listen) : connect(Number(port), host);
  try {
    await once(socket, 'connect');
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}

/** Starts it and waits for nothing; at the end of the place it is ended with all its processes. */
export async function startProcess(place: Place, options: ProcessCommand): Promise<StartedProcess> {
  const errors = (): string => readFileSync(options.errorLog, 'utf8');
  const fd = openSync(options.errorLog, 'a');
  const child = spawn(options.command, options.args, {
    cwd: options.dir,
    stdio: ['ignore', fd, fd],
    env: { ...cleanEnvironment(), ...options.env },
    detached: options.ownSession === true,
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
    throw new Error(`${options.command} did not start`);
  }
  const watch = watchProcesses();
  place.defer(async () => {
    watch.look([pid]);
    if (!ended) child.kill(options.endSignal);
    await exited;
    await assertNothingLeft(watch, options.dir);
  });
  return {
    pid,
    errors,
    assertRunning: () => {
      if (ended) throw new Error(`${options.command} ended:\n${errors()}`);
    },
  };
}

/** Resolves when the server accepts connections; at the end of the place it is ended with all its processes. */
export async function startServer(place: Place, server: ServerCommand): Promise<Server> {
  const process = await startProcess(place, server);
  await until(
    () => {
      process.assertRunning();
      return accepts(`127.0.0.1:${server.port}`);
    },
    { what: `${server.command} to accept connections`, explain: () => process.errors() },
  );
  return { ...process, url: `http://127.0.0.1:${server.port}` };
}
