/** Programs by name, as execvp(3) looks for them. */
import { accessSync, constants, statSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { Recent } from './recent.ts';

/** Where the programs of util-linux and coreutils stand, and what a worker has as PATH when nothing else is said. */
export const DEFAULT_PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/** The first executable of that name in the directories of PATH; null when there is none. */
export function findProgram(name: string, path: string): string | null {
  for (const directory of path.split(delimiter)) {
    const candidate = join(directory, name);
    try {
      accessSync(candidate, constants.X_OK);
      if (statSync(candidate).isFile()) return candidate;
    } catch {
      // not there: on to the next
    }
  }
  return null;
}

const helpers = new Recent<string>();

/**
 * The full path of a program that stands in front of a worker's command, such as setpriv. The pool's own PATH has
 * no say in it. The bare name where there is none: the check has said so before.
 */
export function helperProgram(name: string): string {
  return helpers.of(name, () => findProgram(name, DEFAULT_PATH)) ?? name;
}
