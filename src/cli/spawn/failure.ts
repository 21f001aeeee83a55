/** Why a keeper did not start, in the words that spawn-fcgi has for it. */
import { constants } from 'node:os';
import type { Announcement } from '../../keeper/announcer.ts';
import type { SpawnRequest } from './command-line.ts';
import { SpawnRefused } from './refused.ts';

/** errno of execv(3), which is what its child exits with. */
const NO_SUCH_PROGRAM = 2;
const NOT_EXECUTABLE = 13;
const ADDRESS_IN_USE = 'bind failed: Address already in use';
const POOL_FAILED = /^pool \S+ failed: /;
const EXEC_FAILED = 'exec failed: ';

/** The configuration was refused: nothing has been started. @param runDir where its files are */
export function refusal(announced: Announcement, request: SpawnRequest, runDir: string): SpawnRefused {
  const { code, message } = errorIn(announced);
  if (code === 'ALREADY_RUNNING')
    return new SpawnRefused(`opening PID-file '${request.pidFile}' failed: ${message}`);
  const taken = / is taken: (.+)/.exec(message)?.[1];
  if (taken !== undefined) return inUse(request, taken);
  const problems = message.split(/\n(?! )/).map(text => translate(text, request, runDir));
  // Where the directory is missing, so is what is in it.
  const others = problems.filter(text => !text.startsWith(EXEC_FAILED));
  if (others.length > 0) return new SpawnRefused(others.join('\n'));
  const isMissing = problems.every(text => text.includes(' does not exist'));
  return new SpawnRefused(problems.join('\n'), isMissing ? NO_SUCH_PROGRAM : NOT_EXECUTABLE);
}

/** @param who holds it */
export function inUse({ address }: SpawnRequest, who: string): SpawnRefused {
  const what = address.type === 'unix' ? "socket is already in use, can't spawn" : ADDRESS_IN_USE;
  return new SpawnRefused(`${what}\n  ${who}`);
}

/** None of its workers came up. */
export function hasFailed({ message }: Announcement): boolean {
  return POOL_FAILED.test(message);
}

/** The workers ended again and again. */
export function childFailure({ message, exit }: Announcement): SpawnRefused {
  const remedy = 'with -n, its output shows';
  if (exit === null) return new SpawnRefused(message.replace(POOL_FAILED, ''), 1);
  if (exit.signal !== null)
    return new SpawnRefused(
      `child signaled: ${constants.signals[exit.signal as NodeJS.Signals] ?? exit.signal}\n  ${remedy}`,
      1,
    );
  // A program that ends with 0 has not stayed, whatever it thinks of that.
  return new SpawnRefused(`child exited with: ${exit.code}\n  ${remedy}`, exit.code || 1);
}

interface Told {
  readonly code: string;
  readonly message: string;
}

function errorIn({ message }: Announcement): Told {
  try {
    return (JSON.parse(message) as { error: Told }).error;
  } catch {
    return { code: 'FAILED', message: message.trimEnd() };
  }
}

/** `FILE:LINE:COLUMN: KEY: what` names a file that nobody has written, and a key instead of an option. */
function translate(problem: string, request: SpawnRequest, runDir: string): string {
  if (!problem.startsWith(`${runDir}/`)) return problem;
  const place = /^[^:]*(?::\d+)*: (?:([a-z_.]+): )?/.exec(problem.slice(runDir.length));
  const [head = '', key] = place ?? [];
  const what = problem.slice(runDir.length + head.length);
  switch (key) {
    case undefined:
      return what;
    case 'command':
      return EXEC_FAILED + what;
    case 'chdir':
      return `chdir('${request.directory ?? '.'}') failed: ${what}`;
    case 'chroot':
      return `chroot('${request.chroot}') failed: ${what}`;
    case 'listen.address':
      return `bind failed: ${what}`;
    case 'pid_file':
      return `opening PID-file '${request.pidFile}' failed: ${what}`;
    default:
      return `${key}: ${what}`;
  }
}
