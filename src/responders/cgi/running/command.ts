/** What is executed for a script: itself or its interpreter, and prlimit(1) in front of it where there are limits. */
import { helperProgram } from '../../../os/programs.ts';
import type { LocatedScript } from '../located.ts';
import type { CgiSettings } from '../settings.ts';

export type LimitSettings = Pick<CgiSettings, 'maxCpuSeconds' | 'maxMemoryBytes' | 'maxFileBytes'>;

export interface ScriptCommand {
  readonly path: Buffer;
  readonly argv: readonly Buffer[];
}

/** The script as its process has it open: what was checked is what is run, whatever its path leads to by now. */
const SCRIPT_DESCRIPTOR = 3;
const BY_DESCRIPTOR: Buffer = Buffer.from(`/proc/self/fd/${SCRIPT_DESCRIPTOR}`);

/**
 * The words that go in front of each command; none where nothing is limited. prlimit(1) executes the next, so the pid
 * stays, and there is no moment in which the script runs without its limits.
 */
export function limitPrefix(settings: LimitSettings): readonly Buffer[] {
  const { maxCpuSeconds, maxMemoryBytes, maxFileBytes } = settings;
  const options = [
    // SIGXCPU at the first, which tells what happened, SIGKILL at the second.
    ...(maxCpuSeconds > 0 ? [`--cpu=${maxCpuSeconds}:${maxCpuSeconds + 1}`] : []),
    ...(maxMemoryBytes > 0 ? [`--as=${maxMemoryBytes}`] : []),
    ...(maxFileBytes > 0 ? [`--fsize=${maxFileBytes}`] : []),
  ];
  if (options.length === 0) return [];
  return [helperProgram('prlimit'), ...options, '--'].map(word => Buffer.from(word));
}

/** @param byPath whether the script is executed by its path, and finds that in $0 */
export function scriptCommand(
  script: Pick<LocatedScript, 'path' | 'interpreter' | 'variables'>,
  prefix: readonly Buffer[],
  byPath: boolean,
): ScriptCommand {
  const executed = byPath ? script.path : BY_DESCRIPTOR;
  const command = script.interpreter === null ? [executed] : [Buffer.from(script.interpreter), executed];
  const [path = executed] = prefix.length > 0 ? prefix : command;
  const argv = [...prefix, ...command];
  // A program that is executed by itself is told the name that was asked for. (The kernel puts the path there for a script.)
  if (prefix.length === 0 && script.interpreter === null && !byPath)
    argv[0] = script.variables.get('SCRIPT_FILENAME') ?? script.path;
  return { path, argv };
}
