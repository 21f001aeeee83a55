/** Reads what a keeper that was killed has left in its journal, which is trusted no further than its shape. */
import { constants, fstatSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { closing } from '../../os/descriptor.ts';
import { JOURNAL_FILE } from './journal.ts';
import { checkState, type KeeperState } from './state.ts';

const READ = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;
/** A thousand workers are half a megabyte, and out-of-date lines up to three times that. */
const LARGEST_BYTES = 256 * 1024 * 1024;

/** @returns null: there is none; a text: why it cannot be used */
export function readJournal(runDir: string): KeeperState | string | null {
  const path = join(runDir, JOURNAL_FILE);
  try {
    return stateIn(readOwn(path));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    return `${path} ${error instanceof Error ? error.message : String(error)}`;
  }
}

/**
 * The state after the last whole line. A line without its end was being written when the keeper was killed: what it
 * says has not happened. The first line is renamed into place with the file, so it is whole or the file is damaged.
 * @throws {Error} that says what is wrong with it, as a part of a sentence
 */
export function stateIn(text: string): KeeperState {
  if (text === '') throw new Error('is empty');
  const lines = text.split('\n').slice(0, -1);
  if (lines.length === 0) throw new Error('is cut short or damaged');
  const entries = new Map<string, unknown>();
  for (const line of lines) {
    for (const [key, value] of Object.entries(transaction(line))) {
      if (value === null) entries.delete(key);
      else entries.set(key, value);
    }
  }
  const of = (kind: string): [string, unknown][] =>
    [...entries].flatMap(([key, value]) => (key.startsWith(kind) ? [[key.slice(kind.length), value]] : []));
  return checkState({
    ...(entries.get('keeper') as object | undefined),
    listeners: of('listener:').map(([, value]) => value),
    workers: of('worker:').map(([, value]) => value),
    notes: Object.fromEntries(of('note:')),
  });
}

function transaction(line: string): object {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    throw new Error('is cut short or damaged');
  }
  return Object(value) as object;
}

/** @throws {Error} when somebody else could have written it */
function readOwn(path: string): string {
  return closing(openSync(path, READ), descriptor => {
    const stat = fstatSync(descriptor);
    if (!stat.isFile()) throw new Error('is not a file');
    if (stat.uid !== process.geteuid?.()) throw new Error(`belongs to uid ${stat.uid}, not to us`);
    if ((stat.mode & 0o077) !== 0) throw new Error('can be read or written by others');
    if (stat.size > LARGEST_BYTES) throw new Error(`is too large (${stat.size} bytes)`);
    return readFileSync(descriptor, 'utf8');
  });
}
