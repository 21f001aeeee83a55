/** What `explain` remembers: the same again soon is one entry, and the oldest give way. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DecisionLog } from '../../../src/pool/decision-log.ts';

const because = (
  code: string,
  missing: number,
): { code: string; text: string; numbers: { missing: number } } => ({
  code,
  text: `${missing} missing`,
  numbers: { missing },
});

void test('the same again within a second is counted; its numbers are the first ones', () => {
  const log = new DecisionLog();
  log.write(0, 'start 1 worker', [because('demand', 2)]);
  log.write(900, 'start 1 worker', [because('demand', 1)]);
  log.write(1800, 'start 1 worker', [because('demand', 1)]);
  assert.deepEqual(log.entries, [
    { atMs: 0, lastAtMs: 1800, times: 3, what: 'start 1 worker', reasons: [because('demand', 2)] },
  ]);
});

void test('later, for another reason, or something else: another entry', () => {
  const log = new DecisionLog();
  log.write(0, 'start 1 worker', [because('demand', 1)]);
  log.write(1001, 'start 1 worker', [because('demand', 1)]);
  log.write(1002, 'start 1 worker', [because('first-fill', 1)]);
  log.write(1003, 'retire 1 worker', [because('first-fill', 1)]);
  assert.equal(log.entries.length, 4);
});

void test('a hundred entries, the oldest give way', () => {
  const log = new DecisionLog();
  for (let i = 0; i < 150; i++) log.write(i, `start ${i} workers`, []);
  assert.deepEqual([log.entries.length, log.entries.at(0)?.what], [100, 'start 50 workers']);
});
