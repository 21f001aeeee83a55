/** Whether arguments and environment of a pool's command fit into what execve(2) takes. */
import type { PoolConfig } from '../types.ts';
import type { Report } from './findings.ts';

/** MAX_ARG_STRLEN of Linux, 32 pages: one argument or variable with the zero byte at its end. */
const STRING_MAX_BYTES = 32 * 4096;
/** _STK_LIM / 4 * 3 and ARG_MAX in fs/exec.c: whatever the limit of the stack, no more than the one and no less than the other. */
const TOTAL_MAX_BYTES = 6 * 2 ** 20;
const TOTAL_MIN_BYTES = 128 * 1024;
const POINTER_BYTES = 8;
/** For what we add: the programs in front of the command, PATH, HOME and the like. */
const OURS_BYTES = 8 * 1024;

/** execve(2): a quarter of the stack's soft limit. */
export function argumentsMax(stackBytes: number): number {
  return Math.max(TOTAL_MIN_BYTES, Math.min(TOTAL_MAX_BYTES, Math.floor(stackBytes / 4)));
}

/** @param env what `pass_env` and `clear_env = false` take from */
export function checkArguments(
  pool: PoolConfig,
  env: NodeJS.ProcessEnv,
  totalMaxBytes: number,
  report: Report,
): void {
  const passed = pool.clearEnv ? pool.passEnv.map(name => [name, env[name]] as const) : Object.entries(env);
  const variables = { ...Object.fromEntries(passed.filter(([, value]) => value !== undefined)), ...pool.env };
  const strings: Sized[] = [
    ...pool.command.map((text, at) => sized('command', at, `argument ${at}`, text)),
    ...Object.entries(variables).map(([name, value]) =>
      sized(keyOf(name, pool), name, `the variable ${name}`, `${name}=${value}`),
    ),
  ];
  const long = strings.filter(({ bytes }) => bytes > STRING_MAX_BYTES);
  for (const { key, element, what, bytes } of long) {
    const message = `${what} is ${bytes} bytes long, and Linux takes no more than ${STRING_MAX_BYTES} bytes`;
    report.error(key, message, REMEDY, { element });
  }
  const total = strings.reduce((sum, { bytes }) => sum + bytes + POINTER_BYTES, OURS_BYTES);
  if (long.length > 0 || total <= totalMaxBytes) return;
  const message = `arguments and environment are ${total} bytes together, and the system takes no more than ${totalMaxBytes} bytes`;
  report.error('command', message, `${REMEDY}; a quarter of the stack limit (ulimit -s) is what there is`);
}

const REMEDY = 'shorten it, or have the program read it from a file';

interface Sized {
  readonly key: string;
  readonly element: string | number;
  readonly what: string;
  /** With the zero byte at its end. */
  readonly bytes: number;
}

function sized(key: string, element: string | number, what: string, text: string): Sized {
  return { key, element, what, bytes: Buffer.byteLength(text) + 1 };
}

/** The key that brings a variable in. */
function keyOf(name: string, { env, secretEnv, clearEnv }: PoolConfig): string {
  if (name in env) return secretEnv.includes(name) ? 'env_files' : 'env';
  return clearEnv ? 'pass_env' : 'clear_env';
}
