/** Whether somebody can execute a file: what execve(2) would say, followed through `#!` lines. */
import { closeSync, constants, readSync, type Stats } from 'node:fs';
import { resolve } from 'node:path';
import { withCapability } from '../../os/capabilities.ts';
import { exchangersOf } from '../../os/exchange.ts';
import { unlessLed } from '../../os/link-remedy.ts';
import { RESOLVE, WORKING_DIRECTORY } from '../../os/openat2.ts';
import { HEAD_BYTES, isProgramFormat } from '../../os/program-format.ts';
import { openExchangeable } from '../../os/regular-file.ts';
import { kindOf } from '../read-file.ts';
import type { Report } from './findings.ts';
import { type Actor, EXECUTE, READ } from './permission.ts';
import { confirmed, ownership, reportDeadEnd } from './places.ts';
import type { Self } from './self.ts';
import { may, type Walk, walk } from './walk.ts';
import type { WorkerView } from './worker-view.ts';

/** Linux follows so many of them, each named by the script before. */
const INTERPRETERS_MAX = 5;

type Found = Extract<Walk, { found: true }>;

/** Where a finding about an executable belongs. */
export interface Subject {
  readonly key: string;
  readonly report: Report;
  readonly self: Self;
}

/** Reports why the worker cannot execute `path`, if so. */
export function checkExecutable(path: string, view: WorkerView, subject: Subject, depth = 0): void {
  const { actor, root } = view;
  const { key, report, self } = subject;
  const end = walk(path, actor, root);
  if (!end.found) {
    reportDeadEnd(key, path, end, actor, report);
    return;
  }
  if (end.stat.isDirectory()) {
    report.error(key, `${path} is a directory`, 'name the program inside it');
    return;
  }
  if (!end.stat.isFile()) {
    report.error(key, `${path} is ${kindOf(end.stat)}, not a program`, 'correct the path');
    return;
  }
  if (!isAllowed(end, EXECUTE, view, subject)) return;
  // What our own access(2) says beyond modes holds for everybody: the mount. Without the right to override
  // modes, it may be about ourselves.
  if ((actor.uid === self.uid || self.overrides) && !confirmed(end.path, constants.X_OK, self)) {
    report.error(key, `the system refuses to execute ${end.path}`, 'is it on a file system mounted noexec?');
    return;
  }
  const head = readHead(end.path, view, subject);
  if (head === null) return;
  if (!isProgramFormat(end.path, head)) {
    // execvp(3), and so every program that stands in front of a command, would hand it to a shell.
    const message = `${path} is no program: it is neither a binary nor does it begin with #!`;
    report.error(key, message, 'name a program, or begin the script with #! and its interpreter');
    return;
  }
  const interpreter = readInterpreter(head, end, view, subject);
  if (interpreter === null) return;
  if (depth >= INTERPRETERS_MAX) {
    report.error(key, `${path} needs too many interpreters`, 'name the program');
    return;
  }
  checkInterpreter(path, interpreter, view, subject, depth + 1);
}

/** Reports a name that is nowhere in the worker's PATH, as execvp(3) searches it. */
export function checkInPath(name: string, view: WorkerView, subject: Subject, depth = 0): void {
  const candidates = view.path.map(directory => resolve(directory, name));
  const first = candidates.find(path => isProgram(path, view.actor, view.root));
  if (first !== undefined) {
    checkExecutable(first, view, subject, depth);
    return;
  }
  const existing = candidates.find(path => isFile(path, view));
  if (existing !== undefined) {
    checkExecutable(existing, view, subject, depth);
    return;
  }
  subject.report.error(
    subject.key,
    `there is no program ${name} that ${view.actor.label} could execute in ${view.path.join(':')}`,
    'write its whole path, or set PATH in env',
  );
}

/** A regular file that `actor` may execute. */
export function isProgram(path: string, actor: Actor, root: string): boolean {
  const end = walk(path, actor, root);
  return end.found && end.stat.isFile() && may(actor, end.path, end.stat, EXECUTE) === true;
}

function isFile(path: string, { actor, root }: WorkerView): boolean {
  const end = walk(path, actor, root);
  return end.found && end.stat.isFile();
}

function isAllowed(
  { path, stat, link }: Found,
  wanted: number,
  view: WorkerView,
  { key, report }: Subject,
): boolean {
  const { actor } = view;
  const allowed = may(actor, path, stat, wanted);
  if (allowed === null) report.untested(`${key} ${path}`, 'its access list cannot be read');
  if (allowed === false) {
    const [verb, bit] = wanted === EXECUTE ? ['execute', 'x'] : ['read', 'r'];
    const message = `${actor.label} may not ${verb} ${path} (${ownership(stat)})`;
    const isData = wanted === EXECUTE && looksLikeData(path, view);
    report.error(
      key,
      message,
      isData ? 'it is no program: correct the path' : unlessLed(link, `allow it: chmod a+${bit} ${path}`),
    );
  }
  return allowed === true;
}

/** The first line of a script without its `#!`; null for a binary, or when its interpreter may not read it. */
function readInterpreter(head: Buffer, found: Found, view: WorkerView, subject: Subject): string | null {
  const line = /^#![ \t]*([^\n]*)/.exec(head.toString('latin1'))?.[1]?.replace(/[ \t]+$/, '');
  if (line === undefined) return null;
  // The kernel needs no right to read a script, but its interpreter does.
  return isAllowed(found, READ, view, subject) ? line : null;
}

/** What the kernel looks at, and a word when it cannot be had. */
function readHead(path: string, view: WorkerView, { key, report }: Subject): Buffer | null {
  const head = headOf(path, view);
  if (head === null)
    report.untested(
      `${key} ${path}`,
      `${view.actor.label} may not read it, so what kind of program it is cannot be seen`,
    );
  return head;
}

/**
 * Null when the worker may not read it: a path without links, of a walk. A program that he may only execute is read
 * with our rights where he could not exchange it for something else.
 */
function headOf(path: string, view: WorkerView): Buffer | null {
  const head = tryHead(path, view);
  if (head !== null || view.rootDescriptor !== WORKING_DIRECTORY || exchangersOf(path) !== 'nobody')
    return head;
  return withCapability('dac_read_search', () => tryHead(path, view));
}

function tryHead(path: string, { root, rootDescriptor }: WorkerView): Buffer | null {
  const name = rootDescriptor === WORKING_DIRECTORY ? path : path.slice(root.length + 1);
  try {
    const descriptor = openExchangeable(name, assertFile, {
      directory: rootDescriptor,
      resolve: RESOLVE.noLinks,
    });
    try {
      const head = Buffer.alloc(HEAD_BYTES);
      return head.subarray(0, readSync(descriptor, head, 0, HEAD_BYTES, 0));
    } finally {
      closeSync(descriptor);
    }
  } catch {
    return null;
  }
}

/** It was one when it was walked to, and may have been exchanged. */
function assertFile(stat: Stats): void {
  if (!stat.isFile()) throw new Error('no regular file');
}

/** To make it executable would help nobody. */
function looksLikeData(path: string, view: WorkerView): boolean {
  const head = headOf(path, view);
  return head !== null && !isProgramFormat(path, head);
}

function checkInterpreter(
  script: string,
  line: string,
  view: WorkerView,
  subject: Subject,
  depth: number,
): void {
  const [program = '', ...rest] = line.split(/[ \t]+/);
  const named: Subject = { ...subject, report: naming(script, program, subject.report) };
  if (program.endsWith('\r') || rest.at(-1)?.endsWith('\r') === true) {
    subject.report.error(
      subject.key,
      `${script} has Windows line ends`,
      `convert it: sed -i 's/\\r$//' ${script}`,
    );
    return;
  }
  checkExecutable(resolve(view.chdir, program), view, named, depth);
  if (!program.endsWith('/env')) return;
  // env(1): options and assignments, then the name that it looks for in PATH.
  const name = rest.find(word => !word.startsWith('-') && !word.includes('='));
  if (name === undefined) return;
  const inner: Subject = { ...subject, report: naming(script, name, subject.report) };
  if (name.includes('/')) checkExecutable(resolve(view.chdir, name), view, inner, depth);
  else checkInPath(name, view, inner, depth);
}

/** Says of every finding that it is about a script's interpreter. */
function naming(script: string, interpreter: string, report: Report): Report {
  const prefix = `${script} needs the interpreter ${interpreter}: `;
  return {
    error: (key, message, remedy, more) => report.error(key, prefix + message, remedy, more),
    notice: (key, message, remedy, more) => report.notice(key, prefix + message, remedy, more),
    untested: report.untested,
  };
}
