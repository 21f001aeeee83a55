/**
 * The real daemon, started from written configuration in the directory of a suite or a benchmark. At its end
 * the daemon is stopped, and the suite fails if it left a process or a socket, or logged a warning that the suite
 * did not name.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, mkdirSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type CommandResult, cleanEnvironment, runCommand } from './command.ts';
import { ask } from './http.ts';
import { assertNothingLeft, watchProcesses } from './leftovers.ts';
import { type LogRecord, readLog, unexpectedRecords } from './log.ts';
import { MAIN } from './paths.ts';
import type { Place } from './place.ts';
import { until } from './poll.ts';
import type { Status } from './status.ts';

export interface DaemonOptions {
  /** Pool files: name without ".toml" -> text. */
  readonly pools: Readonly<Record<string, string>>;
  /** More top-level lines of fpm-ts.toml; tables such as [defaults] come last, so they work here. */
  readonly config?: string;
  /** Warnings and errors that may stand in the log, held against the record as JSON. */
  readonly expectedLog?: readonly RegExp[];
  /** Added to the daemon's environment. */
  readonly env?: Readonly<Record<string, string>>;
  /** When it counts as started. By default: it and every pool are running. */
  readonly ready?: (status: Status) => boolean;
  /** What is run with the arguments of fpm-ts; by default Node with the built main.js. */
  readonly program?: readonly string[];
  /** Arguments of `start`. */
  readonly startArguments?: readonly string[];
  /** It gets a session of its own, as a daemon has; Ctrl-C then does not reach it. */
  readonly ownSession?: boolean;
}

export interface Daemon {
  /** The keeper's. */
  readonly pid: number;
  readonly dir: string;
  readonly runDir: string;
  readonly configFile: string;
  readonly poolsDir: string;
  readonly controlSocket: string;
  status(): Promise<Status>;
  /** Waits until `seen` holds for the status, and returns that status. */
  statusWhen(what: string, seen: (status: Status) => boolean, deadlineMs?: number): Promise<Status>;
  /** Runs `fpm-ts -c FILE ...args` beside the daemon. */
  cli(...args: string[]): Promise<CommandResult>;
  log(): LogRecord[];
  /** What the daemon itself wrote to stdout and stderr. */
  output(): string;
  /** `fpm-ts stop`, and waits for the end of the process; fails when either goes wrong. Harmless twice. */
  stop(): Promise<void>;
  /** Kills the keeper as the kernel would, and waits for its end; its workers are left. */
  crash(): Promise<void>;
  /** Starts it again with the same configuration, and waits until it is ready. `pid` is another one then. */
  startAgain(options?: Pick<DaemonOptions, 'program' | 'ready'>): Promise<void>;
  /** Resolves when the keeper has exited. */
  readonly exited: Promise<End>;
}

interface End {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** One keeper from its start to its end. */
interface Run {
  readonly child: ChildProcess;
  readonly pid: number | undefined;
  readonly exited: Promise<End>;
  end: End | undefined;
}

function run(
  [command = '', ...first]: readonly string[],
  last: readonly string[],
  outputFile: string,
  cwd: string,
  options: DaemonOptions,
): Run {
  const outputFd = openSync(outputFile, 'a');
  const child = spawn(command, [...first, ...last], {
    cwd,
    stdio: ['ignore', outputFd, outputFd],
    detached: options.ownSession === true,
    env: { ...cleanEnvironment(), ...options.env },
  });
  closeSync(outputFd);
  const exited = new Promise<End>((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code, signal) => {
      result.end = { code, signal };
      resolve(result.end);
    });
  });
  const result: Run = { child, pid: child.pid, exited, end: undefined };
  return result;
}

function writeConfiguration(dir: string, options: DaemonOptions): { configFile: string; poolsDir: string } {
  const poolsDir = join(dir, 'pools.d');
  const configFile = join(dir, 'fpm-ts.toml');
  mkdirSync(poolsDir);
  const lines = [`run_dir = "${dir}/run"`, `log.file = "${dir}/fpm-ts.log"`, 'log.format = "json"'];
  writeFileSync(configFile, `${lines.join('\n')}\n${options.config ?? ''}\n`);
  for (const [name, text] of Object.entries(options.pools))
    writeFileSync(join(poolsDir, `${name}.toml`), text);
  return { configFile, poolsDir };
}

const allRunning = (status: Status): boolean =>
  status.state === 'running' && status.pools.every(pool => pool.state === 'running');

/** Starts the daemon and waits until it is ready. One daemon a place: the directory is its own. */
export async function startDaemon(place: Place, options: DaemonOptions): Promise<Daemon> {
  const { dir } = place;
  const { configFile, poolsDir } = writeConfiguration(dir, options);
  const runDir = join(dir, 'run');
  const controlSocket = join(runDir, 'control.sock');
  const logFile = join(dir, 'fpm-ts.log');
  const outputFile = join(dir, 'output.txt');
  const watch = watchProcesses();

  const launch = (program: readonly string[] = [process.execPath, MAIN]): Run =>
    run(program, ['-c', configFile, 'start', ...(options.startArguments ?? [])], outputFile, dir, options);
  let current = launch(options.program);
  let { pid } = current;
  if (pid === undefined) {
    await current.exited;
    throw new Error('the daemon did not start');
  }
  const explain = (): string => `output: ${readFileSync(outputFile, 'utf8')}\nlog: ${tail(logFile)}`;

  async function status(): Promise<Status> {
    const answer = await ask('http://localhost/v1/status', { socketPath: controlSocket });
    if (answer.status !== 200) {
      const isBusy = answer.text.includes('"BUSY"');
      throw Object.assign(
        new Error(`GET /v1/status: ${answer.status} ${answer.text}`),
        isBusy && { code: 'BUSY' },
      );
    }
    const seen = JSON.parse(answer.text) as Status;
    watch.look([seen.pid, ...seen.pools.flatMap(pool => pool.processes.map(worker => worker.pid))]);
    return seen;
  }

  function statusWhen(what: string, seen: (status: Status) => boolean, deadlineMs = 20_000): Promise<Status> {
    let last: Status | undefined;
    return until(
      async () => {
        const { end } = current;
        if (end !== undefined) throw new Error(`the daemon ended (${JSON.stringify(end)})\n${explain()}`);
        last = await status().catch(notThereYet);
        return last !== undefined && seen(last) ? last : undefined;
      },
      { what, deadlineMs, explain: () => `last status: ${JSON.stringify(last?.pools)}\n${explain()}` },
    );
  }

  async function stop(): Promise<void> {
    if (current.end !== undefined) return;
    watch.look([current.pid ?? 0]);
    const result = await runCommand(process.execPath, [MAIN, '-c', configFile, 'stop'], { cwd: dir });
    if (result.code !== 0) throw new Error(`stop: exit code ${result.code}\n${result.stderr}\n${explain()}`);
    await until(() => current.end !== undefined, {
      what: 'the daemon to end after stop',
      deadlineMs: 15_000,
      explain,
    });
  }

  async function crash(): Promise<void> {
    watch.look([current.pid ?? 0]); // whoever is left without it is looked for at the end
    current.child.kill('SIGKILL');
    await current.exited;
  }

  async function startAgain(again: Pick<DaemonOptions, 'program' | 'ready'> = {}): Promise<void> {
    current = launch(again.program ?? options.program);
    pid = current.pid;
    await statusWhen(
      'the daemon to be ready again',
      now => now.pid === pid && (again.ready ?? options.ready ?? allRunning)(now),
    );
  }

  place.defer(async () => {
    watch.look([current.pid ?? 0]);
    try {
      await stop();
    } finally {
      if (current.end === undefined) current.child.kill('SIGKILL');
      await current.exited;
      await assertNothingLeft(watch, dir);
    }
    const unexpected = unexpectedRecords(readLog(logFile), options.expectedLog ?? []);
    if (unexpected.length > 0) {
      throw new Error(`unexpected in the log:\n  ${unexpected.map(r => JSON.stringify(r)).join('\n  ')}`);
    }
  });

  const cli = (...args: string[]): Promise<CommandResult> =>
    runCommand(process.execPath, [MAIN, '-c', configFile, ...args], { cwd: dir });
  const daemon: Daemon = {
    get pid() {
      return pid ?? 0;
    },
    get exited() {
      return current.exited;
    },
    dir,
    runDir,
    configFile,
    poolsDir,
    controlSocket,
    status,
    statusWhen,
    cli,
    log: () => readLog(logFile),
    output: () => readFileSync(outputFile, 'utf8'),
    stop,
    crash,
    startAgain,
  };
  await statusWhen('the daemon to be ready', options.ready ?? allRunning);
  return daemon;
}

/** While the daemon starts or its supervisor restarts, nobody answers on the control socket; and others may fill it. */
export function notThereYet(error: unknown): undefined {
  const code = (error as NodeJS.ErrnoException).code ?? '';
  if (!['ENOENT', 'ECONNREFUSED', 'ECONNRESET', 'EPIPE', 'BUSY'].includes(code)) throw error;
  return undefined;
}

function tail(file: string): string {
  try {
    return readFileSync(file, 'utf8').split('\n').slice(-20).join('\n');
  } catch {
    return '(none)';
  }
}
