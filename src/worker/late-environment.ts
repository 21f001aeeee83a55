/**
 * How a worker gets its variables when programs of the system stand in front of its command. Those may run as root, and
 * a C library or a program acts on more variables than anybody can list: LANGUAGE alone leads it to a message catalogue
 * of the pool's user. So they are started with values under names without a meaning (FPM_TS_0, FPM_TS_1, ...), and
 * behind the credentials env(1) gives the values their names. Arguments hold names only, because any user can read
 * them in /proc/PID/cmdline.
 */
import { ENV_IN_JAIL, isLate } from '../config/late-variables.ts';
import type { PoolConfig } from '../config/types.ts';
import { DEFAULT_PATH, helperProgram } from '../os/programs.ts';

export interface LateEnvironment {
  /** The program that sets the variables, with its arguments; empty: none has to be set. */
  readonly setter: readonly string[];
  /** For the programs in front. */
  readonly env: Readonly<Record<string, string>>;
}

/** @param own variables that the programs in front set themselves, for the command */
export function lateEnvironment(
  environment: Readonly<Record<string, string>>,
  pool: Pick<PoolConfig, 'env' | 'chroot'>,
  own: readonly string[],
): LateEnvironment {
  const variables = Object.entries(environment);
  if (!variables.some(([name, value]) => isLate(name, value, pool))) return { setter: [], env: environment };
  const env: Record<string, string> = { PATH: DEFAULT_PATH };
  const assignments = own.map(name => assignment(name, name));
  for (const [index, [name, value]] of variables.entries()) {
    const inert = `FPM_TS_${index}`;
    env[inert] = value;
    assignments.push(assignment(name, inert));
  }
  const program = pool.chroot === undefined ? helperProgram('env') : ENV_IN_JAIL;
  return { setter: [program, '-i', '-S', assignments.join(' ')], env };
}

/**
 * As `env -S` of GNU coreutils reads it: a quoted name takes any character, and an expanded value is not split. A name
 * that begins with a dash is no option, because PATH comes before it.
 */
function assignment(name: string, from: string): string {
  const quoted = /^\w+$/.test(name) ? name : `'${name.replaceAll(/[\\']/g, '\\$&')}'`;
  return `${quoted}=\${${from}}`;
}
