/** What a reason says in words: each with the numbers that led there. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { describeCause, describeReason, type Reason } from '../../../../src/pool/scaling/why.ts';

const numbers = { accepted: 3, waiting: 2, needed: 5, present: 4 };

/** By code, so that the compiler asks for one that is added. */
const TEXTS: {
  readonly [C in Reason['code']]: readonly [Omit<Extract<Reason, { code: C }>, 'code'>, string];
} = {
  'below-size': [{ present: 3, size: 8, by: 'scale' }, '3 of 8 workers that `fpm-ts scale` asked for'],
  'first-fill': [{ present: 0, startServers: 4 }, '0 of the 4 that start_servers starts with'],
  demand: [
    { ...numbers, spare: 2 },
    '3 served and 2 waiting connections need 5 workers, with min_spare_servers = 2 that is 7, there are 4',
  ],
  'load-unknown': [
    { present: 1, size: 20 },
    'its connections cannot be seen, so it is kept at 20 workers, there is 1',
  ],
  reload: [{ missing: 4 }, 'the new generation lacks 4'],
  'above-size': [
    { present: 9, size: 1, by: 'max_children' },
    '9 where 1 worker is what max_children asks for',
  ],
  'idle-excess': [
    { ...numbers, spare: 0, peak: 5, idleTimeoutMs: 10_000 },
    '3 served and 2 waiting connections need 5 workers, the peak of the last 10 s needed 5, there are 4',
  ],
  'room-for-reload': [
    { count: 1 },
    '1 worker of the old generation gives way to the new one, as there is no room for both',
  ],
  'process-max-return': [{ count: 2 }, 'other pools need 2 workers of it for their share of process.max'],
  'max-memory': [
    { memoryBytes: 300 * 2 ** 20, maxMemoryBytes: 256 * 2 ** 20 },
    'it uses 300.0 MB, max_memory is 256.0 MB',
  ],
  'max-lifetime': [
    { ageMs: 3_601_500, maxLifetimeMs: 3_600_000 },
    'it is 3601.5 s old, max_lifetime is 3600 s',
  ],
  'max-children': [
    { needed: 42, spare: 2, maxChildren: 20 },
    '42 workers are needed, and 2 to spare, but max_children is 20',
  ],
  'spawn-rate': [{ missing: 60, left: 28, perSecond: 128 }, 'max_spawn_rate 128 leaves 28 of 60 for now'],
  'process-max': [{ missing: 5, allowance: -1 }, 'process.max leaves this pool 0 of 5'],
  'memory-short': [
    { missing: 5, minimum: 2, text: '9M of memory are free' },
    "9M of memory are free: nothing is started above the pool's minimum of 2, 5 missing",
  ],
  'backing-off': [
    { failedAttempts: 3, forMs: 200 },
    'workers died young (3 failed attempts in a row): the next try is in 0.2 s',
  ],
  'one-to-try': [
    { failedAttempts: 1 },
    'workers died young (1 failed attempt): one is tried before the others',
  ],
  'kept-for-peak': [
    { excess: 1, peak: 12, idleTimeoutMs: 10_000 },
    '1 idle worker stays: 12 workers were needed within the last 10 s',
  ],
  'watched-too-short': [
    { excess: 3, idleTimeoutMs: 1500 },
    '3 idle workers stay until the pool has been watched for 1.5 s',
  ],
};

for (const [code, [values, text]] of Object.entries(TEXTS)) {
  void test(code, () => assert.equal(describeReason({ code, ...values } as Reason), text));
}

void test('the cause is the reason without how many there are', () => {
  const demand: Reason = { code: 'demand', ...numbers, spare: 0 };
  assert.equal(describeReason(demand), `${describeCause(demand)}, there are 4`);
  const reload: Reason = { code: 'reload', missing: 4 };
  assert.equal(describeCause(reload), describeReason(reload));
});
