/**
 * A worker with more processes, threads, descriptors or members of an epoll set than a look may read: it is unknown,
 * which counts as busy, running and held by others, and the look ends.
 */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { test } from 'node:test';
import { findHolders } from '../../../src/observe/connection-holders.ts';
import { connectionsOf } from '../../../src/observe/families.ts';
import { usageOf } from '../../../src/observe/usage.ts';
import { LookBudget, LookBudgets } from '../../../src/os/look-budget.ts';
import {
  descendants,
  firstDescendants,
  isRunnable,
  openSockets,
  threads,
  uidOf,
} from '../../../src/os/proc.ts';
import { AcceptCounts } from '../../../src/worker/accept-counts.ts';
import { waitsFor } from '../../../src/worker/activity.ts';
import { epollHolds, lookAtWorker } from '../../../src/worker/readiness.ts';
import { isHeldByOthers, untilStopped } from '../../../src/worker/stopped.ts';

const MANY = 300;
const SMALL = 100;

const START = 'import os, select, socket, sys, threading, time\n';
const END = '\nprint("there", flush=True)\nsys.stdin.read()\n';

const PROGRAMS: Readonly<Record<string, string>> = {
  'many descriptors': `s = socket.socket()\nfor _ in range(${MANY}): os.dup(s.fileno())`,
  'many children': `def child():\n  if os.fork() == 0:\n    sys.stdin.read(); os._exit(0)\nfor _ in range(${MANY}): child()`,
  'many threads': `threading.stack_size(65536)\nfor _ in range(${MANY}): threading.Thread(target=sys.stdin.read, daemon=True).start()`,
  'a deep tree': `r, w = os.pipe()\ndef chain(left):\n  if left == 0: os.write(w, b'x')\n  elif os.fork() == 0: chain(left - 1); sys.stdin.read(); os._exit(0)\nsys.setrecursionlimit(5000); chain(120); os.read(r, 1)`,
};

/** Runs a program until it says that it is there; its end of stdin ends it and its children. */
async function started(code: string): Promise<{ child: ChildProcess; pid: number }> {
  const child = spawn('/usr/bin/python3', ['-c', START + code + END], { stdio: ['pipe', 'pipe', 'inherit'] });
  assert.ok(child.stdout !== null && child.pid !== undefined);
  await once(child.stdout, 'data');
  return { child, pid: child.pid };
}

async function ended(child: ChildProcess): Promise<void> {
  child.stdin?.end();
  await once(child, 'exit');
}

for (const [name, code] of Object.entries(PROGRAMS)) {
  void test(`${name}: nothing is concluded`, async t => {
    const { child, pid } = await started(code);
    t.after(() => ended(child));
    const small = (): LookBudget => new LookBudget(SMALL);
    assert.equal(connectionsOf(pid, new Set([1]), small()), null);
    assert.equal(lookAtWorker(pid, 0, small()), 'unseen');
    const counts = new AcceptCounts();
    const isTooManyProcesses = name !== 'many descriptors';
    if (isTooManyProcesses) assert.equal(isRunnable(pid, small()), true);
    assert.equal(isHeldByOthers(pid, small()), isTooManyProcesses);
    assert.equal(counts.haveServed([pid], 0, 0, 1000, small()), isTooManyProcesses);
    assert.equal(await untilStopped(pid, small()), false);
    assert.equal(findHolders([pid], new Set([1]), small()).size, 0);
    assert.ok(firstDescendants(pid, small()).length <= SMALL + 1);
    // What is not too much is seen.
    assert.notEqual(descendants(pid), null);
    assert.deepEqual(connectionsOf(pid, new Set([1])), []);
    assert.equal(isHeldByOthers(pid), false);
  });
}

void test('threads: too many are not known, and it is not known what they wait for', async t => {
  const { child, pid } = await started(PROGRAMS['many threads'] ?? '');
  t.after(() => ended(child));
  assert.equal(threads(pid, new LookBudget(SMALL)), null);
  assert.equal(threads(pid)?.length, MANY + 1);
  assert.equal(waitsFor(pid, 9, new LookBudget(SMALL)), null);
});

void test('an epoll set of many members', async t => {
  const code = `e = select.epoll(); r, w = os.pipe()\nfor _ in range(${MANY}): e.register(os.dup(r))`;
  const { child, pid } = await started(code);
  t.after(() => ended(child));
  const epoll = 3;
  assert.equal(epollHolds(pid, epoll, new Set([0]), new LookBudget(SMALL)), null);
  assert.equal(epollHolds(pid, epoll, new Set([0])), false);
});

void test('the memory of more processes than may be looked at is the least that is known', async t => {
  const { child, pid } = await started(PROGRAMS['many children'] ?? '');
  t.after(() => ended(child));
  const all = usageOf(pid)?.memoryBytes ?? 0;
  const some = usageOf(pid, new LookBudget(2 * MANY + 100))?.memoryBytes ?? 0;
  assert.ok(some > 0 && some < all, `${some} of ${all}`);
});

void test('a budget that is spent is closed until it is full again', () => {
  const budget = new LookBudget();
  budget.refill(0, 0);
  let taken = 0;
  while (budget.take()) taken++;
  budget.refill(0, 100);
  assert.equal(budget.take(), false, 'a part is worth nothing');
  budget.refill(0, 250);
  budget.refill(0, 600);
  let again = 0;
  while (budget.take()) again++;
  assert.equal(again, taken);
});

void test('a read that takes the kernel long leaves a debt', () => {
  const budget = new LookBudget(10);
  const end = performance.now() + 5;
  budget.timed(() => {
    while (performance.now() < end);
  });
  assert.ok(budget.isSpent);
  assert.equal(
    budget.timed(() => 'read'),
    null,
  );
});

void test('a look at the machine: who has much open leaves to others what is theirs', () => {
  const budgets = new LookBudgets();
  while (budgets.of(33).take());
  assert.equal(openSockets(process.pid, budgets.of(33)), null);
  assert.ok(openSockets(process.pid, budgets.of(uidOf(process.pid))) !== null);
});
