/** The journal: a line a change, whole or not at all, and whole again after a disk that refused. */
import assert from 'node:assert/strict';
import {
  appendFileSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { type EntryKey, JOURNAL_FILE, Journal } from '../../../../src/keeper/handover/journal.ts';
import { stateIn } from '../../../../src/keeper/handover/journal-reader.ts';
import { identityOf, STATE_SCHEMA } from '../../../../src/keeper/handover/state.ts';
import { bootId } from '../../../../src/os/proc.ts';

interface Field {
  readonly dir: string;
  readonly file: string;
  readonly journal: Journal;
  readonly failures: string[];
  readonly entries: Map<EntryKey, unknown>;
  /** Sets entries, null: removes them, and tells the journal, all in one turn. */
  readonly set: (entries: Readonly<Partial<Record<EntryKey, unknown>>>) => void;
  readonly lines: () => string[];
}

const HEAD = {
  schema: STATE_SCHEMA,
  version: '1',
  bootId: bootId(),
  keeper: identityOf(process.pid),
  supervisor: null,
  startedAtMs: 1,
  settled: null,
  inherited: [],
};

function open(t: TestContext): Field {
  const dir = mkdtempSync(join(tmpdir(), 'fpm-ts-unit-'));
  t.after(() => rmSync(dir, { recursive: true, force: true }));
  const file = join(dir, JOURNAL_FILE);
  const entries = new Map<EntryKey, unknown>([['keeper', HEAD]]);
  const failures: string[] = [];
  const journal = new Journal(dir, {
    keys: () => [...entries.keys()],
    entry: key => entries.get(key) ?? null,
    failed: message => failures.push(message),
  });
  return {
    dir,
    file,
    journal,
    failures,
    entries,
    set(changed) {
      for (const [key, value] of Object.entries(changed) as [EntryKey, unknown][]) {
        if (value === null) entries.delete(key);
        else entries.set(key, value);
        journal.changed(key);
      }
    },
    lines: () => readFileSync(file, 'utf8').split('\n').slice(0, -1),
  };
}

const worker = (pid: number, more: object = {}): object => ({
  pid,
  startTicks: 1,
  spec: {},
  tag: {},
  ...more,
});

void test('what changes in one turn is one line, and only what changed is written', async t => {
  const { journal, set, lines, file } = open(t);
  set({ keeper: HEAD, 'worker:7': worker(7), 'note:a': 'x' });
  await journal.written();
  assert.equal(statSync(file).mode & 0o777, 0o600);
  set({ 'worker:7': null, 'note:a': 'y' });
  await journal.written();
  set({ 'worker:8': worker(8) });
  await journal.written();
  assert.deepEqual(
    lines()
      .slice(1)
      .map(line => Object.keys(JSON.parse(line) as object)),
    [['worker:7', 'note:a'], ['worker:8']],
  );
  const state = stateIn(readFileSync(file, 'utf8'));
  assert.deepEqual([state.workers.map(({ pid }) => pid), state.notes], [[8], { a: 'y' }]);
  await journal.remove();
});

void test('the state is that of the last whole line, however the last one is torn', async t => {
  const { journal, set, file } = open(t);
  set({ keeper: HEAD, 'note:a': 'before' });
  await journal.written();
  const whole = readFileSync(file, 'utf8').length;
  set({ 'note:a': 'after', 'worker:9': worker(9) });
  await journal.written();
  const text = readFileSync(file, 'utf8');
  for (let length = whole; length < text.length; length++) {
    const { notes, workers } = stateIn(text.slice(0, length));
    assert.deepEqual([notes.a, workers.length], ['before', 0]);
  }
  assert.equal(stateIn(text).notes.a, 'after');
  for (let length = 1; length < whole; length++)
    assert.throws(() => stateIn(text.slice(0, length)), /cut short/);
  await journal.remove();
});

void test('a file that is mostly out of date is written anew, with what there is', async t => {
  const { journal, set, file, lines } = open(t);
  set({ keeper: HEAD });
  let largest = 0;
  for (let round = 0; round < 200; round++) {
    set({
      'note:a': String(round).padEnd(8000, '.'),
      [`worker:${10 + (round % 3)}`]: worker(10 + (round % 3)),
    });
    await journal.written();
    largest = Math.max(largest, statSync(file).size);
  }
  assert.ok(largest < 400_000, String(largest));
  assert.ok(lines().length < 100);
  const state = stateIn(readFileSync(file, 'utf8'));
  assert.deepEqual([parseInt(state.notes.a ?? '', 10), state.workers.length], [199, 3]);
  await journal.remove();
});

void test('a file that was removed, or is another one by now, is written anew and not appended to', async t => {
  const { journal, set, file } = open(t);
  set({ keeper: HEAD, 'worker:7': worker(7) });
  await journal.written();
  rmSync(file);
  set({ 'note:a': '1' });
  await journal.written();
  assert.equal(stateIn(readFileSync(file, 'utf8')).workers.length, 1);
  rmSync(file);
  writeFileSync(file, 'not ours\n');
  set({ 'note:a': '2' });
  await journal.written();
  assert.equal(stateIn(readFileSync(file, 'utf8')).notes.a, '2');
  await journal.remove();
});

void test('a temporary name that is a link is not followed', async t => {
  const { dir, journal, set, file, failures } = open(t);
  const other = join(dir, 'other');
  writeFileSync(other, 'theirs');
  symlinkSync(other, `${file}.new`);
  set({ keeper: HEAD });
  await journal.written();
  assert.equal(readFileSync(other, 'utf8'), 'theirs');
  assert.equal(failures.length, 1);
  await journal.remove();
});

void test('why it cannot be written is told once, and all of it is there when it can be again', async t => {
  const { dir, journal, set, file, failures } = open(t);
  rmSync(dir, { recursive: true });
  set({ keeper: HEAD, 'worker:7': worker(7) });
  await journal.written();
  set({ 'note:a': '1' });
  await journal.written();
  assert.equal(failures.length, 1);
  assert.match(failures.join(), /state\.journal cannot be written \(ENOENT/);
  mkdirSync(dir);
  await journal.written();
  const state = stateIn(readFileSync(file, 'utf8'));
  assert.deepEqual([state.workers.length, state.notes.a], [1, '1']);
  await journal.remove();
});

void test('the rest of a line that was not written whole does not spoil the next one', async t => {
  const { journal, set, file } = open(t);
  set({ keeper: HEAD });
  await journal.written();
  appendFileSync(file, '{"note:a":"the beginning of a line that is longer than the next');
  set({ 'note:a': 'b' });
  await journal.written();
  assert.equal(stateIn(readFileSync(file, 'utf8')).notes.a, 'b');
  await journal.remove();
});
