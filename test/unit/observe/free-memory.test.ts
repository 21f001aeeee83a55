/** Free memory of the host and of control groups, v1 and v2, read from trees as the kernel shows them. */
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { FreeMemoryWatch, freeMemory, shortage } from '../../../src/observe/free-memory.ts';
import { until } from '../../lib/poll.ts';

const MB = 1024 * 1024;

/** What the host has left, read by ourselves. */
function hostAvailable(): number {
  return 1024 * Number(/^MemAvailable:\s+(\d+) kB$/m.exec(readFileSync('/proc/meminfo', 'utf8'))?.[1]);
}

interface Row {
  readonly name: string;
  readonly membership: string;
  readonly files: Readonly<Record<string, string | number>>;
  /** null: the host's. */
  readonly found: { readonly bytes: number; readonly where: string } | null;
}

const ROWS: readonly Row[] = [
  { name: 'no control groups', membership: '', files: {}, found: null },
  {
    name: 'v2: limit minus usage',
    membership: '0::/pools.slice\n',
    files: { 'pools.slice/memory.max': 30 * MB, 'pools.slice/memory.current': 20 * MB },
    found: { bytes: 10 * MB, where: 'control group /pools.slice' },
  },
  {
    name: 'v2: cold pages of files can be had back',
    membership: '0::/pools.slice\n',
    files: {
      'pools.slice/memory.max': 30 * MB,
      'pools.slice/memory.current': 29 * MB,
      'pools.slice/memory.stat': `anon 1\nfile ${20 * MB}\ninactive_file ${12 * MB}\nactive_file ${8 * MB}\n`,
    },
    found: { bytes: 13 * MB, where: 'control group /pools.slice' },
  },
  {
    name: 'v2: no limit',
    membership: '0::/pools.slice\n',
    files: { 'pools.slice/memory.max': 'max\n', 'pools.slice/memory.current': 20 * MB },
    found: null,
  },
  {
    name: 'v2: a group around ours may have less left',
    membership: '0::/a/b\n',
    files: {
      'a/b/memory.max': 30 * MB,
      'a/b/memory.current': 1 * MB,
      'a/memory.max': 40 * MB,
      'a/memory.current': 35 * MB,
    },
    found: { bytes: 5 * MB, where: 'control group /a' },
  },
  {
    name: 'v2: more used than allowed, as while a limit is lowered',
    membership: '0::/\n',
    files: { 'memory.max': 30 * MB, 'memory.current': 31 * MB },
    found: { bytes: 0, where: 'control group /' },
  },
  {
    name: 'v1, in a container: the path of the host is not there, the mounted one is ours',
    membership: '5:cpu,memory:/docker/abc\n1:name=systemd:/docker/abc\n0::/\n',
    files: {
      'memory/memory.limit_in_bytes': 30 * MB,
      'memory/memory.usage_in_bytes': 25 * MB,
      'memory/memory.stat': `inactive_file 5\ntotal_inactive_file ${2 * MB}\n`,
    },
    found: { bytes: 7 * MB, where: 'control group /' },
  },
  {
    name: 'v1: no limit is a very large one',
    membership: '4:memory:/\n',
    files: {
      'memory/memory.limit_in_bytes': '9223372036854771712\n',
      'memory/memory.usage_in_bytes': 25 * MB,
    },
    found: null,
  },
];

for (const { name, membership, files, found } of ROWS) {
  void test(name, async () => {
    const directory = mkdtempSync(join(tmpdir(), 'fpm-ts-unit-'));
    try {
      writeFileSync(join(directory, 'membership'), membership);
      for (const [path, text] of Object.entries(files)) {
        mkdirSync(dirname(join(directory, 'mount', path)), { recursive: true });
        writeFileSync(join(directory, 'mount', path), String(text));
      }
      const free = await freeMemory({
        membership: join(directory, 'membership'),
        mount: join(directory, 'mount'),
      });
      if (found !== null) assert.deepEqual(free, found);
      else {
        assert.equal(free.where, 'the host');
        // Others use memory meanwhile: within a factor of two it is the same number.
        assert.ok(free.bytes > hostAvailable() / 2 && free.bytes < hostAvailable() * 2, `${free.bytes}`);
      }
    } finally {
      rmSync(directory, { recursive: true });
    }
  });
}

void test('on this machine something is left', async () => {
  assert.ok((await freeMemory()).bytes > 0);
});

void test('a shortage names both numbers and the place', () => {
  const where = 'control group /a';
  assert.equal(shortage({ bytes: 20 * MB, where }, 20 * MB), null);
  assert.equal(
    shortage({ bytes: 19.5 * MB, where }, 20 * MB),
    '19M of memory are free in control group /a, process.min_free_memory is 20M',
  );
});

void test('a watch says what is short once it knows, and lets the process end', async () => {
  const watch = new FreeMemoryWatch(Number.MAX_SAFE_INTEGER);
  assert.equal(watch.short, null);
  await until(() => watch.short !== null, { what: 'a first sample' });
  assert.match(watch.short ?? '', /of memory are free in .*, process\.min_free_memory is/);
  watch.stop();
});
