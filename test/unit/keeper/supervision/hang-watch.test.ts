/** When a silent supervisor is taken to hang, look by look. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { HangWatch } from '../../../../src/keeper/supervision/hang-watch.ts';

function watched(boundMs: number | null): {
  watch: HangWatch;
  hangs: number[];
  supervisor: { isThere: boolean };
  look: (times: number) => void;
} {
  const hangs: number[] = [];
  const supervisor = { isThere: true };
  const watch = new HangWatch(boundMs, {
    isWatched: () => supervisor.isThere,
    hangs: silentMs => hangs.push(silentMs),
  });
  const look = (times: number): void => {
    for (let count = 0; count < times; count++) watch.look();
  };
  return { watch, hangs, supervisor, look };
}

/** Twenty seconds of SIGSTOP must be survived where the service manager says nothing else. */
const BOUNDS: readonly (readonly [watchdogMs: number | null, boundMs: number])[] = [
  [null, 60_000],
  [20_000, 20_000],
  [180_000, 180_000],
  [1000, 5000],
];

for (const [watchdogMs, boundMs] of BOUNDS)
  void test(`a watchdog of ${watchdogMs} ms: after ${boundMs} ms, once`, () => {
    const { look, hangs, watch } = watched(watchdogMs);
    look(boundMs / 1000 - 1);
    assert.deepEqual(hangs, []);
    look(1);
    assert.deepEqual(hangs, [boundMs]);
    assert.ok(watch.isAlive);
    look(boundMs / 1000);
    assert.deepEqual(hangs, [boundMs]);
    assert.ok(!watch.isAlive, 'killed, and still there');
  });

void test('who is heard of, and who is not there, does not hang', () => {
  const { watch, hangs, supervisor, look } = watched(5000);
  for (let round = 0; round < 5; round++) {
    look(4);
    watch.heard();
  }
  look(4);
  supervisor.isThere = false;
  look(20);
  supervisor.isThere = true;
  look(4);
  assert.deepEqual(hangs, []);
  assert.ok(watch.isAlive);
});
