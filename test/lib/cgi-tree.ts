/** Scripts in directories of a test, and a locator over them. */
import { chmodSync, closeSync, fstatSync, mkdirSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { createLocator, type Locator } from '../../src/responders/cgi/finding/locate.ts';
import { isRefusal, type LocatedScript } from '../../src/responders/cgi/located.ts';
import type { CgiSettings } from '../../src/responders/cgi/settings.ts';

/** Writes a script that says its name and may be executed, with the directories that lead to it. */
export function writeScript(path: string, text: string = sayingText(path), mode = 0o755): string {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
  chmodSync(path, mode);
  return path;
}

function sayingText(path: string): string {
  return `#!/bin/sh\nprintf 'Content-Type: text/plain\\n\\n%s' '${path}'\n`;
}

const NOTHING_SAID: CgiSettings = {
  protocol: 'fastcgi',
  roots: [],
  extensions: [],
  programs: [],
  interpreters: new Map(),
  scriptPaths: false,
  user: null,
  env: {},
  maxScripts: 64,
  maxPerScript: 0,
  maxQueue: 256,
  timeoutMs: 0,
  killAfterMs: 5000,
  maxCpuSeconds: 0,
  maxMemoryBytes: 0,
  maxFileBytes: 0,
  maxParamsBytes: 1 << 20,
};

export function locatorFor(settings: Partial<CgiSettings>): Locator {
  return createLocator({ ...NOTHING_SAID, ...settings });
}

/** What a request for a path finds, its descriptors closed: "/where/it/is" and "/what/follows", or a status. */
export interface Outcome {
  readonly status: number;
  readonly reason: string;
  readonly path: string;
  readonly pathInfo: string;
  readonly interpreter: string | null;
  /** Device and inode of the descriptor that would be executed, and of the directory. */
  readonly file: string;
  readonly directory: string;
}

export function ask(
  locator: Locator,
  path: string | Buffer,
  more: Readonly<Record<string, string>> = {},
): Outcome {
  const variables = new Map(Object.entries(more).map(([name, value]) => [name, Buffer.from(value)]));
  const found = locator.locate(variables.set('SCRIPT_FILENAME', Buffer.from(path)));
  if (isRefusal(found))
    return { ...found, path: '', pathInfo: '', interpreter: null, file: '', directory: '' };
  const outcome = outcomeOf(found);
  closeSync(found.file);
  closeSync(found.directory);
  return outcome;
}

function outcomeOf({ path, interpreter, variables, file, directory }: LocatedScript): Outcome {
  return {
    status: 200,
    reason: '',
    path: path.toString('latin1'),
    pathInfo: variables.get('PATH_INFO')?.toString('latin1') ?? '',
    interpreter,
    file: identity(fstatSync(file)),
    directory: identity(fstatSync(directory)),
  };
}

/** Names a file for good, wherever it stands. */
export function identity({ dev, ino }: { readonly dev: number; readonly ino: number }): string {
  return `${dev}:${ino}`;
}

export function identityOf(path: string): string {
  return identity(statSync(path));
}

export function openDescriptors(): number {
  return readdirSync('/proc/self/fd').length;
}
