/** What the kernel's counters say about a SIGKILL, in words. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { describeOom, readOomCounters } from '../../../src/observe/out-of-memory.ts';

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
