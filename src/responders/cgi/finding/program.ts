/** Whether a file that was found may be run, and by what. */
import { constants, fstatSync, openSync, readSync, type Stats, statSync } from 'node:fs';
import { closing } from '../../../os/descriptor.ts';
import { mayAccess } from '../../../os/openat2.ts';
import { HEAD_BYTES, isProgramFormat, type RegisteredFormat } from '../../../os/program-format.ts';
import { limitPrefix } from '../limits.ts';
import type { Refusal } from '../located.ts';
import type { CgiSettings } from '../settings.ts';
import { endsWith, shown, startsWith } from './bytes.ts';
import type { Place } from './roots.ts';

export interface Program {
  /** Null: the file is executed by itself. */
  readonly interpreter: string | null;
}

/** The rules are about the name that the file really has. */
export type ProgramRules = (place: Place) => Program | Refusal;

const NPH: Buffer = Buffer.from('nph-');

/** The rules of the command line. */
export function programRules(settings: CgiSettings): ProgramRules {
  const { programs } = settings;
  const extensions = settings.extensions.map(suffix => Buffer.from(suffix));
  const interpreters = [...settings.interpreters].map(
    ([suffix, path]) => [Buffer.from(suffix), path] as const,
  );
  // Where prlimit(1) stands in front, a shell would run what the kernel refuses to (execvp(3)).
  const isShellNear = limitPrefix(settings).length > 0;

  return ({ file, stat, path }) => {
    const name = path.subarray(path.lastIndexOf('/') + 1);
    const refused = (status: number, why: string): Refusal => ({ status, reason: `${shown(path)} ${why}` });
    const kind = kindOf(stat);
    if (kind !== 'a file') return refused(403, `is ${kind}; only a file can be run`);
    if (programs.length > 0 && !isOneOf(file, programs))
      return refused(403, 'is none of the programs that --program names');
    if (extensions.length > 0 && !extensions.some(suffix => endsWith(name, suffix)))
      return refused(403, `does not end in ${settings.extensions.join(' or ')}, which --extension demands`);
    if (startsWith(name, NPH))
      return refused(
        501,
        'would have to speak HTTP by itself, as its name says (nph-); behind FastCGI and SCGI it cannot: let it answer with CGI fields, under another name',
      );
    const interpreter = interpreters.find(([suffix]) => endsWith(name, suffix))?.[1] ?? null;
    if (interpreter !== null && !runsByItself(file, path)) {
      if (mayAccess(file, constants.R_OK)) return { interpreter };
      return refused(403, `cannot be read by ${ourselves()}, as whom ${interpreter} would run it`);
    }
    if (mayAccess(file, constants.X_OK)) {
      if (!isShellNear || hasProgramFormat(file, path)) return { interpreter: null };
      return refused(403, 'is neither a program of this machine nor does it begin with #!');
    }
    return refused(
      403,
      `may not be executed by ${ourselves()}: chmod +x it, or name what runs it by --interpreter; on a file system that is mounted noexec only the latter helps`,
    );
  };
}

function kindOf(stat: Stats): string {
  if (stat.isFile()) return 'a file';
  if (stat.isDirectory()) return 'a directory';
  if (stat.isSymbolicLink()) return 'a symbolic link';
  if (stat.isFIFO()) return 'a fifo';
  if (stat.isSocket()) return 'a socket';
  return 'a device';
}

/** By device and inode, as they are at this moment: a link to a program that is named is that program. */
function isOneOf(file: number, programs: readonly string[]): boolean {
  const { dev, ino } = fstatSync(file, { bigint: true });
  return programs.some(program => {
    try {
      const stat = statSync(program, { bigint: true });
      return stat.dev === dev && stat.ino === ino;
    } catch {
      return false; // not there now
    }
  });
}

/**
 * Where a suffix has an interpreter, the run bit alone means little (a file from a FAT stick has it); with it and a
 * first line that says what runs it, or as a compiled program, the file knows better than its name.
 */
function runsByItself(file: number, path: Buffer): boolean {
  return mayAccess(file, constants.X_OK) && hasProgramFormat(file, path, []);
}

function hasProgramFormat(file: number, path: Buffer, registered?: readonly RegisteredFormat[]): boolean {
  try {
    const head = closing(openSync(`/proc/self/fd/${file}`, 'r'), descriptor => {
      const bytes = Buffer.alloc(HEAD_BYTES);
      return bytes.subarray(0, readSync(descriptor, bytes));
    });
    return isProgramFormat(path.toString('latin1'), head, registered);
  } catch {
    return true; // may be executed and not be read: a program
  }
}

function ourselves(): string {
  return `uid ${process.geteuid?.()}`;
}
