/** What `explain` remembers: the same again soon is one entry, and the oldest give way. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Diary } from '../../../src/pool/diary.ts';

const because = (
  code: string,
  missing: number,
): { code: string; text: string; numbers: { missing: number } } => ({
  code,
  text: `${missing} missing`,
  numbers: { missing },
});

void test('the same again within a second is counted; its numbers are the first ones', () => {
  const diary = new Diary();
  diary.write(0, 'start 1 worker', [because('demand', 2)]);
  diary.write(900, 'start 1 worker', [because('demand', 1)]);
  diary.write(1800, 'start 1 worker', [because('demand', 1)]);
  assert.deepEqual(diary.entries, [
    { atMs: 0, lastAtMs: 1800, times: 3, what: 'start 1 worker', reasons: [because('demand', 2)] },
  ]);
});

void test('later, for another reason, or something else: another entry', () => {
  const diary = new Diary();
  diary.write(0, 'start 1 worker', [because('demand', 1)]);
  diary.write(1001, 'start 1 worker', [because('demand', 1)]);
  diary.write(1002, 'start 1 worker', [because('first-fill', 1)]);
  diary.write(1003, 'retire 1 worker', [because('first-fill', 1)]);
  assert.equal(diary.entries.length, 4);
});

void test('a hundred entries, the oldest give way', () => {
  const diary = new Diary();
  for (let i = 0; i < 150; i++) diary.write(i, `start ${i} workers`, []);
  assert.deepEqual([diary.entries.length, diary.entries.at(0)?.what], [100, 'start 50 workers']);
});
