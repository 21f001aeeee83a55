/** In which words it is told why a script could not be started, and how it ended. */
import { constants } from 'node:os';
import { SystemError } from '../../../os/libc.ts';
import type { Exit } from '../../../os/pidfd.ts';
import type { Refusal } from '../located.ts';

const { E2BIG, EACCES, EAGAIN, EMFILE, ENFILE, ENOENT, ENOEXEC, ENOMEM, EPERM, ETXTBSY } = constants.errno;

interface Cause {
  readonly status: number;
  readonly text: string;
}

const NO_DESCRIPTORS =
  'there are no file descriptors left: raise the limit of open files (rlimit_files of the pool), or lower --max-scripts';
const NOT_EXECUTABLE =
  'it may not be executed by the user that scripts run as (`chmod +x`, a mount with noexec, or its #! line)';

const CAUSES: ReadonlyMap<number, Cause> = new Map([
  [
    E2BIG,
    {
      status: 431,
      text: 'the variables of the request are more than the kernel gives a program (128 KiB each)',
    },
  ],
  [EACCES, { status: 403, text: NOT_EXECUTABLE }],
  [EPERM, { status: 403, text: NOT_EXECUTABLE }],
  [ENOEXEC, { status: 403, text: 'it is neither a program of this machine nor does it begin with #!' }],
  [ENOENT, { status: 502, text: 'the interpreter in its #! line does not exist, or its loader' }],
  [ETXTBSY, { status: 503, text: 'somebody is writing to it' }],
  [EMFILE, { status: 503, text: NO_DESCRIPTORS }],
  [ENFILE, { status: 503, text: 'the system has no file descriptors left (fs.file-max)' }],
  [
    EAGAIN,
    {
      status: 503,
      text: 'there may be no more processes (ulimit -u, rlimit_nproc, TasksMax= of the service)',
    },
  ],
  [ENOMEM, { status: 503, text: 'there is not enough memory' }],
]);

/**
 * @param script as the log names it
 * @param errno of posix_spawn(3), or of what had to be opened for it
 */
export function startFailure(script: string, errno: number): Refusal {
  const { status, text } = CAUSES.get(errno) ?? { status: 502, text: 'the kernel refused it' };
  const { message } = new SystemError('start', errno, script);
  return { status, reason: `${message}: ${text}` };
}

/** The limits that end a process by a signal of their own (setrlimit(2)). */
const LIMIT_SIGNALS: Readonly<Partial<Record<NodeJS.Signals, string>>> = {
  SIGXCPU: ' (--max-cpu-time)',
  SIGXFSZ: ' (--max-file-size)',
};

export function describeExit({ code, signal }: Exit): string {
  if (signal !== null) return `ended by ${signal}${LIMIT_SIGNALS[signal] ?? ''}`;
  return code === null ? 'ended' : `exit status ${code}`;
}
