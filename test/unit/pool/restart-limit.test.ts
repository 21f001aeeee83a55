/** When a pool may start workers again after some died: the limit that keeps a broken command from eating a core. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  afterDeath,
  afterSuccess,
  delayMs,
  LONGEST_DELAY_MS,
  NO_FAILURES,
  type RestartMemory,
  YOUNG_MS,
} from '../../../src/pool/restart-limit.ts';

void test('the delay doubles from 100 ms to 30 s; the first death is replaced at once', () => {
  const delays = Array.from({ length: 13 }, (_, attempts) => delayMs(attempts));
  assert.deepEqual(delays, [
    0,
    0,
    100,
    200,
    400,
    800,
    1600,
    3200,
    6400,
    12_800,
    25_600,
    LONGEST_DELAY_MS,
    LONGEST_DELAY_MS,
  ]);
});

void test('a worker that had lived is replaced at once; what others do young is not forgotten for it', () => {
  const failing: RestartMemory = { failedAttempts: 5, countedAtMs: 900, notBeforeMs: 1700 };
  assert.equal(afterDeath(NO_FAILURES, 1000, true, 1000 + YOUNG_MS), NO_FAILURES);
  assert.equal(afterDeath(failing, 1000, true, 1000 + YOUNG_MS), failing);
});

void test('only a worker that was started after the failures shows that the command works again', () => {
  const failing: RestartMemory = { failedAttempts: 5, countedAtMs: 900, notBeforeMs: 1700 };
  assert.equal(afterSuccess(failing, 800, 800 + 10 * YOUNG_MS), failing);
  assert.equal(afterSuccess(failing, 1700, 1700 + YOUNG_MS), NO_FAILURES);
});

void test('one that was never ready counts as young however long it took', () => {
  assert.deepEqual(afterDeath(NO_FAILURES, 1000, false, 61_000), {
    failedAttempts: 1,
    countedAtMs: 61_000,
    notBeforeMs: 61_000,
  });
});

void test('each attempt that dies young counts one more', () => {
  let memory = NO_FAILURES;
  const notBefore: number[] = [];
  let nowMs = 5000;
  for (let attempt = 0; attempt < 5; attempt++) {
    const startedAtMs = nowMs;
    nowMs += 10;
    memory = afterDeath(memory, startedAtMs, true, nowMs);
    notBefore.push(memory.notBeforeMs - nowMs);
    nowMs = memory.notBeforeMs;
  }
  assert.deepEqual(notBefore, [0, 100, 200, 400, 800]);
});

void test('a wave of deaths counts once, in whatever order they are noticed', () => {
  const started = fc.array(fc.nat({ max: 900 }), { minLength: 1, maxLength: 50 });
  fc.assert(
    fc.property(started, fc.boolean(), (offsets, wasReady) => {
      const startMs = 10_000;
      let memory = NO_FAILURES;
      // All were started within 900 ms and die one after the other from 901 ms on, still young.
      for (const [index, offset] of offsets.entries())
        memory = afterDeath(memory, startMs + offset, wasReady, startMs + 901 + index);
      assert.equal(memory.failedAttempts, 1);
      assert.equal(memory.countedAtMs, startMs + 901);
    }),
  );
});

void test('a worker that stays up for a second ends the back-off', () => {
  const failing: RestartMemory = { failedAttempts: 4, countedAtMs: 0, notBeforeMs: 400 };
  assert.equal(afterSuccess(failing, 1000, 1000 + YOUNG_MS - 1), failing);
  assert.equal(afterSuccess(failing, 1000, 1000 + YOUNG_MS), NO_FAILURES);
  assert.equal(afterSuccess(NO_FAILURES, 0, 1e6), NO_FAILURES);
});

void test('whatever happens, the wait is never negative and never longer than 30 s', () => {
  const events = fc.array(
    fc.record({ ageMs: fc.nat({ max: 5000 }), wasReady: fc.boolean(), laterMs: fc.nat({ max: 60_000 }) }),
    { maxLength: 60 },
  );
  fc.assert(
    fc.property(events, all => {
      let memory = NO_FAILURES;
      let nowMs = 1_000_000;
      for (const { ageMs, wasReady, laterMs } of all) {
        nowMs += laterMs;
        memory = afterDeath(memory, nowMs - ageMs, wasReady, nowMs);
        const waitMs = memory.notBeforeMs - nowMs;
        assert.ok(waitMs <= LONGEST_DELAY_MS, `${waitMs}`);
        assert.ok(memory.failedAttempts >= 0);
      }
    }),
  );
});
