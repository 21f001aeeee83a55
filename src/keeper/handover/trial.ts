/**
 * Whether the program that is installed now could go on in our place: it is started as a child, is shown what there
 * is, and says its version. Whatever is wrong with it, nothing has happened then.
 */
import { accessSync, closeSync, constants, openSync } from 'node:fs';
import { outputPipe } from '../../os/descriptor.ts';
import { ownEnvironment } from '../../os/environment.ts';
import { memoryFile } from '../../os/execve.ts';
import type { Exit } from '../../os/pidfd.ts';
import type { Poller } from '../../os/poller.ts';
import { Program } from '../../os/spawn.ts';
import { readAvailable } from '../output/output.ts';
import { ProcessHandle } from '../workers/process-handle.ts';

/** How a keeper is started, as paths that an installation gives a new meaning. */
export interface InstalledProgram {
  /** Node and its options. */
  readonly node: readonly [path: string, ...options: string[]];
  readonly entry: string;
  /** What follows the name of the command. */
  readonly options: readonly string[];
}

/** Where the trial finds what it would inherit. */
export const TRIAL_DESCRIPTOR = 3;

/** It loads everything and reads a state, which on a busy machine takes seconds. */
const DEADLINE_MS = 30_000;
const SAID_LIMIT_BYTES = 64 * 1024;

export interface Trial {
  /** The version of the program. Rejects with an Error that says why it cannot go on. */
  readonly version: Promise<string>;
  /** null: it has ended, and is reaped. */
  pid(): number | null;
}

/** @throws {Error} when it cannot even be started */
export function tryOut(
  program: InstalledProgram,
  inheritance: string,
  poller: Poller,
  deadlineMs: number = DEADLINE_MS,
): Trial {
  for (const path of [program.node[0], program.entry]) mustBeThere(path);
  const { pid, ended } = start(program, inheritance, poller, deadlineMs);
  return { pid, version: ended.then(how => versionOf(program.entry, how, deadlineMs)) };
}

function mustBeThere(path: string): void {
  try {
    accessSync(path, constants.R_OK);
  } catch (error) {
    throw new Error(
      `${path} cannot be read (${(error as NodeJS.ErrnoException).code}): install fpm-ts again`,
    );
  }
}

interface Ended {
  readonly exit: Exit;
  readonly stdout: string;
  readonly stderr: string;
  readonly isLate: boolean;
}

function start(
  { node, entry, options }: InstalledProgram,
  inheritance: string,
  poller: Poller,
  deadlineMs: number,
): { pid: () => number | null; ended: Promise<Ended> } {
  const argv = [...node, entry, 'keeper', '--trial', ...options];
  const toClose: number[] = [];
  const reads: number[] = [];
  try {
    const state = memoryFile('fpm-ts state', inheritance);
    toClose.push(state);
    const nowhere = openSync('/dev/null', 'r');
    toClose.push(nowhere);
    const said = [outputPipe(), outputPipe()].map(pipe => {
      toClose.push(pipe.write);
      reads.push(pipe.read);
      return pipe;
    });
    const descriptors = new Map([
      [0, nowhere],
      [1, said[0]?.write ?? -1],
      [2, said[1]?.write ?? -1],
      [TRIAL_DESCRIPTOR, state],
    ]);
    const program = new Program({ path: node[0], argv, env: ownEnvironment() });
    return watch(program, descriptors, reads, poller, deadlineMs);
  } catch (error) {
    for (const descriptor of reads) closeSync(descriptor);
    throw error;
  } finally {
    for (const descriptor of toClose) closeSync(descriptor);
  }
}

function watch(
  program: Program,
  descriptors: ReadonlyMap<number, number>,
  reads: readonly number[],
  poller: Poller,
  deadlineMs: number,
): { pid: () => number | null; ended: Promise<Ended> } {
  let isLate = false;
  let resolveExit: (exit: Exit) => void = () => {};
  const exited = new Promise<Exit>(resolve => {
    resolveExit = resolve;
  });
  const handle = ProcessHandle.start(() => program.spawn(descriptors), true, poller, {
    exited: exit => {
      resolveExit(exit);
      handle.signal('SIGKILL'); // what it may have started has its output open
    },
    gone: () => {},
  });
  const timer = setTimeout(() => {
    isLate = true;
    handle.signal('SIGKILL');
  }, deadlineMs);
  const ended = Promise.all([exited, ...reads.map(read => wholeText(read, poller))]).then(
    ([exit, stdout = '', stderr = '']) => {
      clearTimeout(timer);
      return { exit, stdout, stderr, isLate };
    },
  );
  return { pid: () => (handle.exit === null ? handle.pid : null), ended };
}

/** Until the last holder of the pipe has closed it. */
function wholeText(descriptor: number, poller: Poller): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  return new Promise(resolve => {
    poller.add(descriptor, () => {
      const chunk = Buffer.alloc(SAID_LIMIT_BYTES);
      const count = readAvailable(descriptor, chunk);
      if (count === null) return;
      if (count > 0) {
        if (bytes < SAID_LIMIT_BYTES) chunks.push(chunk.subarray(0, count));
        bytes += count;
        return;
      }
      poller.remove(descriptor);
      closeSync(descriptor);
      resolve(Buffer.concat(chunks).toString());
    });
  });
}

function versionOf(entry: string, { exit, stdout, stderr, isLate }: Ended, deadlineMs: number): string {
  const what = `the installed program (${entry})`;
  if (isLate) throw new Error(`${what} was not ready within ${deadlineMs / 1000} seconds${quoted(stderr)}`);
  if (exit.signal !== null) throw new Error(`${what} was ended by ${exit.signal}${quoted(stderr)}`);
  if (exit.code !== 0) throw new Error(`${what} does not come up (exit code ${exit.code})${quoted(stderr)}`);
  const version = /^fpm-ts (\S+) can go on$/m.exec(stdout)?.[1];
  if (version === undefined)
    throw new Error(`${what} came up and said nothing of what it was asked: its files may be incomplete`);
  return version;
}

/** Of what Node prints about a failure, the message, and the file where that does not name one. */
export function quoted(stderr: string): string {
  const lines = stderr.split('\n').map(line => line.trim());
  const message =
    [/^\w*Error\b/, /^(fpm-ts|error): /].map(it => lines.find(line => it.test(line))).find(Boolean) ??
    lines.find(line => line !== '');
  if (message === undefined) return '';
  const file = lines
    .map(line => /(?:file:\/\/)?(\/[^\s()]+?\.[cm]?js(?:on)?)\b/.exec(line)?.[1])
    .find(Boolean);
  const text = message.replace(/^(fpm-ts|error): /, '');
  return `: ${text}${file === undefined || text.includes(file) ? '' : ` (${file})`}`;
}
