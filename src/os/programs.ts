/** Programs by name, as execvp(3) looks for them. */
import { constants, statSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { mayReach } from './openat2.ts';
import { Recent } from './recent.ts';

/** Where the programs of util-linux and coreutils stand, and what a worker has as PATH when nothing else is said. */
export const DEFAULT_PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/** The first file of that name in the directories of PATH that the rights in effect allow to execute; null: none. */
export function findProgram(name: string, path: string): string | null {
  const candidates = path.split(delimiter).map(directory => join(directory, name));
  return candidates.find(isProgram) ?? null;
}

function isProgram(path: string): boolean {
  try {
    return statSync(path).isFile() && mayReach(path, constants.X_OK);
  } catch {
    return false;
  }
}

const helpers = new Recent<string>();

/**
 * The full path of a program that stands in front of a worker's command, such as setpriv. The pool's own PATH has
 * no say in it. The bare name where there is none: the check has said so before.
 */
export function helperProgram(name: string): string {
  return helpers.of(name, () => findProgram(name, DEFAULT_PATH)) ?? name;
}
