/**
 * fpm-ts as bare processes: nothing waits for it to be ready and nothing asks for its status, so that whoever measures
 * or disturbs it is alone with it. Its end is certain: everything that it started is killed, by pid.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  closeSync,
  copyFileSync,
  mkdirSync,
  openSync,
  readFileSync,
  writeFileSync,
} from 'node:fs';
import { basename, join } from 'node:path';
import { type CommandResult, cleanEnvironment, runCommand } from './command.ts';
import { ask } from './http.ts';
import { MAIN } from './paths.ts';
import type { Place } from './place.ts';
import { until } from './poll.ts';
import { descendants, isAlive, kill, processesOf, readStat, type Seen } from './processes.ts';
import type { Status } from './status.ts';

export interface Instance {
  readonly dir: string;
  readonly runDir: string;
  readonly poolsDir: string;
  readonly logFile: string;
  /** The keeper that was started last. */
  readonly pid: number;
  /** It has exited. */
  readonly hasEnded: boolean;
  /** Copies a program to where `workers` finds whoever executes it. @returns its path there */
  addProgram(path: string): string;
  /** Writes the file of a pool. */
  writePool(name: string, text: string): void;
  /** Starts a keeper, and waits for nothing. */
  start(): void;
  /** Kills the keeper as the kernel would, and waits for its end. */
  killKeeper(): Promise<void>;
  cli(args: readonly string[], deadlineMs: number): Promise<CommandResult>;
  /** null: nobody answers, as while it starts. */
  status(withProcesses: boolean): Promise<Status | null>;
  /** Processes that execute one of its programs, whoever their parent is by now. */
  workers(): number[];
  /** The end of the log and of what it wrote to stdout and stderr. */
  tail(lines: number): string;
  /** Kills everything. Harmless twice. */
  end(): Promise<void>;
}

/** @param config more lines of fpm-ts.toml */
export function openInstance(place: Place, config = ''): Instance {
  const { dir } = place;
  const [programs, poolsDir, runDir] = [join(dir, 'bin'), join(dir, 'pools.d'), join(dir, 'run')];
  const [configFile, logFile, outputFile] = ['fpm-ts.toml', 'fpm-ts.log', 'output.txt'].map(name =>
    join(dir, name),
  ) as [string, string, string];
  for (const each of [programs, poolsDir]) mkdirSync(each);
  const lines = [`run_dir = "${runDir}"`, `log.file = "${logFile}"`, 'log.format = "json"', config];
  writeFileSync(configFile, `${lines.join('\n')}\n`);

  let keeper: ChildProcess | null = null;
  const hasEnded = (): boolean => keeper === null || keeper.exitCode !== null || keeper.signalCode !== null;
  const workers = (): number[] => processesOf(programs);

  const everything = (): Seen[] => {
    const pid = keeper?.pid;
    const ours = pid === undefined ? [] : [...descendants(pid)];
    return [...ours, ...workers().map(readStat)].filter(it => it !== undefined);
  };

  async function killKeeper(): Promise<void> {
    if (keeper === null || hasEnded()) return;
    const exited = once(keeper, 'exit');
    keeper.kill('SIGKILL');
    await exited;
  }

  async function end(): Promise<void> {
    const seen = everything();
    await killKeeper();
    // A worker that was just forked shows itself after the look: so look until there is nobody.
    await until(
      () => {
        const left = [...seen, ...everything()].filter(isAlive);
        for (const each of left) kill(each, 'SIGKILL');
        return left.length === 0;
      },
      { what: 'everything to be killed', deadlineMs: 30_000 },
    );
  }
  place.defer(end);

  return {
    dir,
    runDir,
    poolsDir,
    logFile,
    get pid() {
      return keeper?.pid ?? 0;
    },
    get hasEnded() {
      return hasEnded();
    },
    addProgram(path) {
      const copy = join(programs, basename(path));
      copyFileSync(path, copy);
      chmodSync(copy, 0o755);
      return copy;
    },
    writePool: (name, text) => writeFileSync(join(poolsDir, `${name}.toml`), text),
    start() {
      const output = openSync(outputFile, 'a');
      keeper = spawn(process.execPath, [MAIN, '-c', configFile, 'start'], {
        cwd: dir,
        stdio: ['ignore', output, output],
        env: cleanEnvironment(),
        detached: true,
      });
      closeSync(output);
    },
    killKeeper,
    cli: (args, deadlineMs) =>
      runCommand(process.execPath, [MAIN, '-c', configFile, ...args], { cwd: dir, deadlineMs }),
    async status(withProcesses) {
      const query = withProcesses ? '' : '?processes=no';
      const socketPath = join(runDir, 'control.sock');
      const answer = await ask(`http://localhost/v1/status${query}`, { socketPath }).catch(() => null);
      return answer?.status === 200 && answer.complete ? (JSON.parse(answer.text) as Status) : null;
    },
    workers,
    tail: lines => [outputFile, logFile].map(file => `${file}:\n${lastLines(file, lines)}`).join('\n'),
    end,
  };
}

function lastLines(file: string, count: number): string {
  try {
    return readFileSync(file, 'utf8').split('\n').slice(-count).join('\n');
  } catch {
    return '(none)';
  }
}
