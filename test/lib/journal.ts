/** What the workers `storm.c` and `storm.php` wrote down: a file each, named by their pid. */
import { chmodSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Place } from './place.ts';

export interface Journal {
  readonly dir: string;
  /** How many processes have begun a request. */
  workers(): number;
  read(): JournalEntries;
}

export interface JournalEntries {
  /** Requests that a worker read, and those that it was about to answer: number -> the pids that did, in any order. */
  readonly begun: ReadonlyMap<number, readonly number[]>;
  readonly ended: ReadonlyMap<number, readonly number[]>;
  /** How many answers were about to be written; more than `ended.size` when a request was answered twice. */
  readonly answers: number;
}

/** A directory in which workers of any user may write. */
export function openJournal(place: Place): Journal {
  const dir = join(place.dir, 'journal');
  mkdirSync(dir);
  chmodSync(dir, 0o1777);
  return { dir, workers: () => filled(dir).length, read: () => readJournal(dir) };
}

function filled(dir: string): { pid: number; text: string }[] {
  return readdirSync(dir)
    .map(name => ({ pid: Number(name), text: readFileSync(join(dir, name), 'latin1') }))
    .filter(({ text }) => text !== '');
}

function readJournal(dir: string): JournalEntries {
  const begun = new Map<number, number[]>();
  const ended = new Map<number, number[]>();
  let answers = 0;
  for (const { pid, text } of filled(dir)) {
    for (const [, what, n] of text.matchAll(/^(begin|end) (\d+)$/gm)) {
      const entries = what === 'begin' ? begun : ended;
      entries.set(Number(n), [...(entries.get(Number(n)) ?? []), pid]);
      if (what === 'end') answers++;
    }
  }
  return { begun, ended, answers };
}
