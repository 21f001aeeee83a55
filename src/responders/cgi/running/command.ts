/** What is executed for a script: itself or its interpreter, and prlimit(1) in front of it where there are limits. */
import type { LocatedScript } from '../located.ts';

export interface ScriptCommand {
  readonly path: Buffer;
  readonly argv: readonly Buffer[];
}

/** The script as its process has it open: what was checked is what is run, whatever its path leads to by now. */
const SCRIPT_DESCRIPTOR = 3;
const BY_DESCRIPTOR: Buffer = Buffer.from(`/proc/self/fd/${SCRIPT_DESCRIPTOR}`);

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
