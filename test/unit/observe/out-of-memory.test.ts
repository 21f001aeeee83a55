/** What the kernel's counters say about a SIGKILL, in words. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { describeOom, isOutOfMemoryRuledOut, readOomCounters } from '../../../src/observe/out-of-memory.ts';

void test('the kernel killed on the host, in the group, or nobody', () => {
  const rows: [Parameters<typeof describeOom>, RegExp][] = [
    [
      [
        { host: 1, group: null },
        { host: 3, group: null },
      ],
      /^the kernel killed 2 for memory in the host[^,]*$/,
    ],
    [
      [
        { host: 1, group: 0 },
        { host: 1, group: 1 },
      ],
      /no new kill for memory in the host, .*killed 1 .*our control group/,
    ],
    [
      [
        { host: 1, group: 1 },
        { host: 1, group: 1 },
      ],
      /no new kill.*the host, .*no new kill.*our control group/,
    ],
    [
      [
        { host: null, group: null },
        { host: null, group: null },
      ],
      /does not tell/,
    ],
  ];
  for (const [[before, now], text] of rows) assert.match(describeOom(before, now), text);
});

void test('the counters of this machine are numbers, or are not there', () => {
  const { host, group } = readOomCounters();
  for (const counter of [host, group])
    assert.ok(counter === null || (Number.isInteger(counter) && counter >= 0));
});

void test('a kill for memory is ruled out only by counters that stand still', () => {
  const rows: [Parameters<typeof isOutOfMemoryRuledOut>, boolean][] = [
    [
      [
        { host: 1, group: null },
        { host: 1, group: null },
      ],
      true,
    ],
    [
      [
        { host: 1, group: 2 },
        { host: 1, group: 2 },
      ],
      true,
    ],
    [
      [
        { host: 1, group: null },
        { host: 2, group: null },
      ],
      false,
    ],
    [
      [
        { host: 1, group: 2 },
        { host: 1, group: 3 },
      ],
      false,
    ],
    [
      [
        { host: null, group: null },
        { host: null, group: null },
      ],
      false,
    ],
  ];
  for (const [[before, now], isRuledOut] of rows)
    assert.equal(isOutOfMemoryRuledOut(before, now), isRuledOut, JSON.stringify([before, now]));
});
