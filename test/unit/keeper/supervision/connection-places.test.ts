/** Places of the control socket: nobody takes those of a rank above. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type NoPlace, Places, type Rank } from '../../../../src/keeper/supervision/connection-places.ts';

/** Takes as many as there are. @returns what gives them back, and why there were no more */
function takeAll(places: Places, uid: number, rank: Rank): { frees: (() => void)[]; why: NoPlace } {
  const frees: (() => void)[] = [];
  for (;;) {
    const place = places.take(uid, rank);
    if (typeof place === 'string') return { frees, why: place };
    frees.push(place);
  }
}

for (const [rank, each] of [
  ['stranger', 4],
  ['owner', 8],
  ['member', 100],
] as const)
  void test(`a uid of rank ${rank} has ${each} places, and when one is given back, that one`, () => {
    const places = new Places(500);
    const { frees, why } = takeAll(places, 1000, rank);
    assert.deepEqual([frees.length, why], [each, 'own']);
    frees[0]?.();
    assert.equal(takeAll(places, 1000, rank).frees.length, 1);
  });

for (const total of [500, 64, 16])
  void test(`of ${total} places, root finds some when all others have taken what they get`, () => {
    const places = new Places(total);
    for (const rank of ['stranger', 'owner', 'member'] as const) {
      let taken = 0;
      for (let uid = 1; uid < 1000; uid++) taken += takeAll(places, uid, rank).frees.length;
      assert.ok(taken >= 1, `${rank} is served, too`);
    }
    const { frees, why } = takeAll(places, 0, 'root');
    assert.ok(frees.length >= total / 8, `${frees.length}`);
    assert.equal(why, 'all');
  });

void test('strangers, however many, take nothing from the users of pools, nor these from members', () => {
  const places = new Places(500);
  for (let uid = 1; uid < 1000; uid++) takeAll(places, uid, 'stranger');
  assert.equal(takeAll(places, 33, 'owner').frees.length, 8);
  for (let uid = 1; uid < 1000; uid++) takeAll(places, uid, 'owner');
  assert.equal(takeAll(places, 5, 'member').frees.length, 100);
});
