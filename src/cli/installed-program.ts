/**
 * This program by the paths under which it was started. They may be links, and what they lead to is another version
 * after an installation; `process.execPath` and `import.meta.filename` say what they led to at the start.
 */
import { realpathSync } from 'node:fs';
import { isAbsolute } from 'node:path';

export interface StartedAs {
  /** Of Node. */
  readonly node: string;
  /** Of the file that Node runs. */
  readonly entry: string;
}

export function programAsStarted(): StartedAs {
  const { argv0, execPath, argv } = process;
  return { node: isLinkTo(argv0, execPath) ? argv0 : execPath, entry: argv[1] ?? '' };
}

/** A shell says the path as it was typed, or only a name. */
function isLinkTo(path: string, target: string): boolean {
  try {
    return isAbsolute(path) && realpathSync(path) === target;
  } catch {
    return false;
  }
}
