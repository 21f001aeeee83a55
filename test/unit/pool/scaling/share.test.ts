/** How process.max is shared between pools: cases by name, and what holds for all. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { type Claim, share } from '../../../../src/pool/scaling/share.ts';

const claim = (minimum: number, wanted: number, present: number, leaving = 0): Claim => ({
  minimum,
  wanted,
  wantedAtPeak: wanted,
  present,
  leaving,
});

interface Row {
  readonly name: string;
  readonly max: number;
  readonly claims: readonly Claim[];
  readonly allowances: readonly number[];
}

const ROWS: readonly Row[] = [
  { name: 'no pools', max: 10, claims: [], allowances: [] },
  { name: 'room for all', max: 20, claims: [claim(2, 9, 4), claim(1, 3, 3)], allowances: [5, 0] },
  {
    name: 'minima come first',
    max: 10,
    claims: [claim(6, 6, 0), claim(2, 50, 0)],
    allowances: [6, 4],
  },
  {
    name: 'what is left goes in equal parts to those that want more',
    max: 20,
    claims: [claim(2, 50, 2), claim(2, 50, 2), claim(2, 4, 2)],
    allowances: [6, 6, 2],
  },
  {
    name: 'a pool with little demand gets all that it asks for',
    max: 10,
    claims: [claim(1, 100, 1), claim(1, 2, 1)],
    allowances: [7, 1],
  },
  {
    name: 'a pool that grew while nobody asked gives idle workers back',
    max: 10,
    claims: [claim(1, 2, 9), claim(1, 5, 1)],
    allowances: [-4, 0],
  },
  {
    name: 'not while there is room',
    max: 14,
    claims: [claim(1, 2, 9), claim(1, 5, 1)],
    allowances: [0, 4],
  },
  {
    name: 'and not for places that are about to be free',
    max: 10,
    claims: [claim(1, 2, 5, 4), claim(1, 5, 1)],
    allowances: [0, 0],
  },
  {
    name: 'what it needed at its last peak is its own',
    max: 10,
    claims: [{ ...claim(1, 2, 9), wantedAtPeak: 6 }, claim(1, 8, 1)],
    allowances: [-4, 0],
  },
  {
    name: 'a peak alone starts nothing and takes nothing',
    max: 10,
    claims: [{ ...claim(1, 2, 2), wantedAtPeak: 9 }, claim(1, 4, 8)],
    allowances: [0, 0],
  },
  {
    name: 'two loaded pools meet in the middle',
    max: 10,
    claims: [claim(1, 20, 9), claim(1, 20, 1)],
    allowances: [-4, 0],
  },
  {
    name: 'more minima than places: nobody is left out',
    max: 5,
    claims: [claim(4, 4, 0), claim(4, 4, 0), claim(1, 1, 0)],
    allowances: [2, 2, 1],
  },
  {
    name: 'a lowered limit: what is above a share goes',
    max: 6,
    claims: [claim(2, 4, 8), claim(2, 3, 3)],
    allowances: [-5, 0],
  },
];

for (const row of ROWS) {
  void test(row.name, () => assert.deepEqual(share(row.max, row.claims), row.allowances));
}

const anyClaim = fc
  .record({
    minimum: fc.nat({ max: 30 }),
    more: fc.nat({ max: 60 }),
    present: fc.nat({ max: 60 }),
    leaving: fc.nat({ max: 5 }),
  })
  .map(({ minimum, more, present, leaving }) => claim(minimum, minimum + more, present, leaving));
const anyClaims = fc.array(anyClaim, { minLength: 1, maxLength: 12 });
const anyMax = fc.integer({ min: 1, max: 300 });
const total = (numbers: readonly number[]): number => numbers.reduce((sum, number) => sum + number, 0);

void test('never above the limit, never more than asked for, and nobody gives what the rule calls for', () => {
  fc.assert(
    fc.property(anyMax, anyClaims, (max, claims) => {
      const allowances = share(max, claims);
      const running = total(claims.map(({ present, leaving }) => present + leaving));
      const started = total(allowances.filter(it => it > 0));
      assert.ok(started === 0 || running + started <= max);
      for (const [index, { wanted, present, minimum }] of claims.entries()) {
        const allowance = allowances[index] ?? Number.NaN;
        assert.ok(Number.isInteger(allowance));
        assert.ok(allowance <= Math.max(0, wanted - present));
        const isRoomForMinima = total(claims.map(it => it.minimum)) <= max;
        if (allowance < 0 && isRoomForMinima) assert.ok(present + allowance >= Math.min(present, minimum));
      }
    }),
    { numRuns: 1000 },
  );
});

/** Applies the allowances until nothing changes: idle workers leave at once, new ones start at once. */
function settle(max: number, claims: readonly Claim[]): readonly Claim[] {
  let now = claims.map(it => ({ ...it, leaving: 0 }));
  for (let turn = 0; turn < 50; turn++) {
    const allowances = share(max, now);
    if (allowances.every(it => it === 0)) return now;
    now = now.map((it, index) => ({ ...it, present: it.present + (allowances[index] ?? 0) }));
  }
  assert.fail(`not settled: ${JSON.stringify(now)}`);
}

void test('it settles; then minima are met and nobody could get more without taking from one who has less', () => {
  fc.assert(
    fc.property(anyMax, anyClaims, (max, claims) => {
      const settled = settle(max, claims);
      assert.ok(total(settled.map(({ present }) => present)) <= Math.max(max, 0));
      if (total(settled.map(({ minimum }) => minimum)) > max) return;
      const isFull = total(settled.map(({ present }) => present)) === max;
      for (const { present, wanted, minimum } of settled) {
        assert.ok(present >= minimum);
        if (present >= wanted) continue;
        assert.ok(isFull, 'somebody waits although there is room');
        const extra = present - minimum;
        for (const other of settled)
          assert.ok(Math.min(other.present, other.wanted) - other.minimum <= extra + 1);
      }
    }),
    { numRuns: 500 },
  );
});
