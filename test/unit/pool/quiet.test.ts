/** When a listener is quiet: two empty looks, with time between them. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ListenerLoad } from '../../../src/observe/sockets.ts';
import { afterLook, type DrainMemory, isQuiet, SECOND_LOOK_MS, startDrain } from '../../../src/pool/quiet.ts';

const NOTHING: ListenerLoad = { waiting: 0, limit: 511, accepted: new Set(), halfOpen: new Set() };

/** Goes through looks, and tells at which of them the listener was quiet. */
function quietAt(looks: readonly (readonly [atMs: number, load: Partial<ListenerLoad> | null])[]): number[] {
  let memory: DrainMemory = startDrain(0);
  return looks.flatMap(([atMs, change]) => {
    const load = change === null ? null : { ...NOTHING, ...change };
    memory = afterLook(memory, load, atMs);
    return isQuiet(memory, load, atMs) ? [atMs] : [];
  });
}

void test('one empty look is not enough, a second one so much later is', () => {
  assert.deepEqual(
    quietAt([
      [0, {}],
      [SECOND_LOOK_MS - 1, {}],
      [SECOND_LOOK_MS, {}],
    ]),
    [SECOND_LOOK_MS],
  );
});

void test('a queue that refills begins again', () => {
  assert.deepEqual(
    quietAt([
      [0, {}],
      [90, { waiting: 1 }],
      [110, {}],
      [200, {}],
      [210, {}],
    ]),
    [210],
  );
});

void test('a handshake that was half open at the first look must end; one that came later is not for us', () => {
  const mine = new Set(['10.0.0.1:4000']);
  const later = new Set(['10.0.0.2:4000']);
  assert.deepEqual(
    quietAt([
      [0, { halfOpen: mine }],
      [200, { halfOpen: mine }],
      [210, { halfOpen: later }],
      [310, { halfOpen: later }],
    ]),
    [310],
  );
});

void test('what is accepted does not matter: that is whose worker it is', () => {
  assert.deepEqual(
    quietAt([
      [0, { accepted: new Set([7]) }],
      [100, { accepted: new Set([7]) }],
    ]),
    [100],
  );
});

void test('where the tables cannot be read, a second is waited', () => {
  assert.deepEqual(
    quietAt([
      [0, null],
      [999, null],
      [1000, null],
    ]),
    [1000],
  );
});
