/** Limits of a child that was given some with prlimit(1), and our own beside /proc. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { SystemError } from '../../../src/os/libc.ts';
import { type Resource, readLimit } from '../../../src/os/limits.ts';

void test('soft and hard limit of another process, each resource in its own place', async t => {
  const limits = ['--nofile=100:200', '--core=4096:8192', '--nproc=5000:5001', '--memlock=16384:32768'];
  const child = spawn('prlimit', [...limits, '--as=4000000000:unlimited', 'sh', '-c', 'echo ready; cat'], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  t.after(() => child.stdin.end());
  await once(child.stdout, 'data');
  const { pid } = child;
  assert.ok(pid !== undefined);
  assert.deepEqual(readLimit('files', pid), { soft: 100, hard: 200 });
  assert.deepEqual(readLimit('core', pid), { soft: 4096, hard: 8192 });
  assert.deepEqual(readLimit('nproc', pid), { soft: 5000, hard: 5001 });
  assert.deepEqual(readLimit('memlock', pid), { soft: 16_384, hard: 32_768 });
  assert.deepEqual(readLimit('as', pid), { soft: 4_000_000_000, hard: Number.POSITIVE_INFINITY });
});

void test('our own limits are those of /proc/self/limits', () => {
  const names: [Resource, string][] = [
    ['files', 'Max open files'],
    ['core', 'Max core file size'],
    ['nproc', 'Max processes'],
    ['memlock', 'Max locked memory'],
    ['as', 'Max address space'],
    ['nice', 'Max nice priority'],
  ];
  const text = readFileSync('/proc/self/limits', 'latin1');
  for (const [resource, title] of names) {
    const [, soft = '', hard = ''] = new RegExp(`^${title}\\s+(\\S+)\\s+(\\S+)`, 'm').exec(text) ?? [];
    const value = (word: string): number => (word === 'unlimited' ? Number.POSITIVE_INFINITY : Number(word));
    assert.deepEqual(readLimit(resource), { soft: value(soft), hard: value(hard) }, resource);
  }
});

void test('a process that is not there is an error', () => {
  assert.throws(
    () => readLimit('files', 2 ** 30),
    (error: unknown) => error instanceof SystemError && error.code === 'ESRCH',
  );
});
