import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  DURATION_MAX_MS,
  formatDuration,
  formatPercent,
  formatSize,
  parseDurationMs,
  parsePercent,
  parseSizeBytes,
} from '../../../src/config/values.ts';

const DURATIONS: readonly (readonly [string | number, number | null])[] = [
  ['500ms', 500],
  ['10s', 10_000],
  ['5m', 300_000],
  ['1h', 3_600_000],
  ['1d', 86_400_000],
  ['1.5s', 1500],
  [30, 30_000],
  [0.25, 250],
  ['30', 30_000],
  ['0', 0],
  ['', null],
  ['s', null],
  ['-1s', null],
  ['1 s', null],
  ['1w', null],
  ['10S', null],
  ['25d', null],
];

for (const [written, ms] of DURATIONS) {
  void test(`the duration ${JSON.stringify(written)} is ${ms} ms`, () =>
    assert.equal(parseDurationMs(written), ms));
}

const SIZES: readonly (readonly [string | number, number | null])[] = [
  ['64K', 65_536],
  ['64k', 65_536],
  ['256M', 268_435_456],
  ['1G', 1_073_741_824],
  ['1T', 1_099_511_627_776],
  ['1.5K', 1536],
  ['100', 100],
  [4096, 4096],
  ['1.5', null],
  ['1KB', null],
  ['-1', null],
  ['', null],
];

for (const [written, bytes] of SIZES) {
  void test(`the size ${JSON.stringify(written)} is ${bytes} bytes`, () =>
    assert.equal(parseSizeBytes(written), bytes));
}

void test('what is formatted reads back as the same number', () => {
  fc.assert(fc.property(fc.nat({ max: DURATION_MAX_MS }), ms => parseDurationMs(formatDuration(ms)) === ms));
  fc.assert(fc.property(fc.maxSafeNat(), bytes => parseSizeBytes(formatSize(bytes)) === bytes));
  fc.assert(
    fc.property(fc.nat({ max: 1000 }), tenths => {
      const fraction = parsePercent(`${tenths / 10}%`) ?? Number.NaN;
      assert.equal(parsePercent(formatPercent(fraction)), fraction);
    }),
  );
});
