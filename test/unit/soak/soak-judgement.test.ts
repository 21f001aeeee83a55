/** What a soak takes for right and for wrong: without these a soak that passes proves nothing. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Excuses } from '../../soak/excuses.ts';
import { drawBurst, KINDS, type Kind, type Operation } from '../../soak/operations.ts';
import { type Done, isAlone, type PoolState, possibleSizes, possibleStates } from '../../soak/outcomes.ts';
import { seeded } from '../../soak/random.ts';
import type { FailedRequest } from '../../soak/soak-load.ts';
import type { SoakPool } from '../../soak/soak-pools.ts';

const OUTCOMES: Readonly<Partial<Record<Kind, PoolState>>> = {
  start: 'running',
  stop: 'stopped',
  'stop-now': 'stopped',
  remove: 'absent',
  add: 'running',
};

/** @param rest how its command ended, or which worker it killed */
function done(
  kind: Kind,
  pool: string | null,
  beginMs: number,
  endMs: number,
  rest: Partial<Done> = {},
): Done {
  const operation: Operation = { kind, pools: pool === null ? [] : [pool], offsetMs: 0, luck: 0.5 };
  const outcome = OUTCOMES[kind] ?? null;
  return {
    operation,
    beginMs,
    endMs,
    code: 0,
    output: '',
    outcome,
    killed: null,
    before: new Map(),
    ...rest,
  };
}

void test('the same seed draws the same operations, another one others', () => {
  const draw = (seed: number): readonly Operation[][] => {
    const random = seeded(seed);
    return Array.from({ length: 20 }, () => [
      ...drawBurst(random, { pools: ['a', 'b'], only: KINDS, apart: false }),
    ]);
  };
  assert.deepEqual(draw(1), draw(1));
  assert.notDeepEqual(draw(1), draw(2));
});

void test('--only and --apart hold', () => {
  const random = seeded(3);
  for (let i = 0; i < 50; i++) {
    const burst = drawBurst(random, { pools: ['a'], only: ['stop', 'scale'], apart: true });
    assert.equal(burst.length, 1);
    assert.ok(burst.every(({ kind }) => kind === 'stop' || kind === 'scale'));
  }
});

const STATES: readonly [string, readonly Done[], readonly PoolState[]][] = [
  ['nothing was done', [], ['running']],
  ['one after the other', [done('stop', 'a', 0, 10), done('start', 'a', 20, 30)], ['running']],
  ['they overlapped', [done('stop', 'a', 0, 25), done('start', 'a', 20, 30)], ['running', 'stopped']],
  ['one failed, and may have worked', [done('stop', 'a', 0, 10, { code: 1 })], ['running', 'stopped']],
  ['another pool', [done('stop', 'b', 0, 10)], ['running']],
  [
    'the keeper is killed after a stop',
    [done('stop', 'a', 0, 10), done('kill-keeper', null, 20, 30)],
    ['running', 'stopped'],
  ],
];

for (const [name, all, expected] of STATES) {
  void test(`what a pool may be: ${name}`, () => {
    assert.deepEqual([...possibleStates('a', new Set(['running']), all, true)].sort(), [...expected].sort());
  });
}

void test('what `scale` said holds until a reload', () => {
  const scaled = possibleSizes('a', new Set([null]), [done('scale', 'a', 0, 10)], 4);
  assert.deepEqual([...scaled], [3]);
  assert.deepEqual([...possibleSizes('a', scaled, [done('reload', null, 20, 30)], 4)], [null]);
});

void test('a promise is held against a command only when nothing else could have changed it', () => {
  const stop = done('stop', 'a', 0, 10);
  assert.ok(isAlone(stop, [stop, done('stop', 'b', 0, 10), done('start', 'a', 20, 30)]));
  assert.ok(!isAlone(stop, [stop, done('start', 'a', 5, 30)]));
  assert.ok(!isAlone(stop, [stop, done('reload', null, 5, 30)]));
  assert.ok(!isAlone(stop, [stop, done('kill-supervisor', null, 5, Number.POSITIVE_INFINITY)]));
});

const POOLS = [{ name: 'a', mode: 'static' }] as unknown as readonly SoakPool[];

function judged(all: readonly Done[], after: PoolState, failed: Partial<FailedRequest>): number {
  const excuses = new Excuses();
  excuses.note(POOLS, all, new Map([['a', after]]));
  const failure = { n: 1, pool: 'a', beginMs: 1000, endMs: 1010, what: 'status 502', ...failed };
  const journal = { begun: new Map([[1, [7]]]), ended: new Map(), answers: 0 };
  return excuses.judge([failure], () => journal).length;
}

const stopped = [done('stop', 'a', 900, 1100)];
const killed = [done('kill-worker', 'a', 1005, 1005, { killed: 7 })];
const JUDGED: readonly [string, number, number][] = [
  ['nothing was done to the pool', 1, judged([], 'running', {})],
  ['it was reloaded', 1, judged([done('reload', null, 900, 1100)], 'running', {})],
  ['it was sent after a stop', 0, judged(stopped, 'stopped', {})],
  ['it was in hand when the stop began', 1, judged(stopped, 'stopped', { beginMs: 800 })],
  [
    'it was in hand when stop --now began',
    0,
    judged([done('stop-now', 'a', 900, 1100)], 'stopped', { beginMs: 800 }),
  ],
  ['nobody ever answered it', 1, judged(stopped, 'stopped', { what: 'no answer in 20000 ms' })],
  [
    'it came after the next start',
    1,
    judged([...stopped, done('start', 'a', 1200, 1300)], 'running', { beginMs: 1400 }),
  ],
  ['its worker was killed', 0, judged(killed, 'running', {})],
  [
    'another worker was killed',
    1,
    judged([done('kill-worker', 'a', 1005, 1005, { killed: 8 })], 'running', {}),
  ],
  ['the keeper was killed', 1, judged([done('kill-keeper', null, 900, 1100)], 'running', {})],
];

for (const [name, expected, count] of JUDGED) {
  void test(`a failed request, ${name}: ${expected === 0 ? 'accounted for' : 'a failure'}`, () => {
    assert.equal(count, expected);
  });
}
