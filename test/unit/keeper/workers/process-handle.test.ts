/** The keeper's view of one child, with real processes: its end, its group, and what is left of it. */
import assert from 'node:assert/strict';
import { readdirSync, readlinkSync } from 'node:fs';
import { type TestContext, test } from 'node:test';
import { ProcessHandle } from '../../../../src/keeper/workers/process-handle.ts';
import type { Exit } from '../../../../src/os/pidfd.ts';
import { Poller } from '../../../../src/os/poller.ts';
import { Program } from '../../../../src/os/spawn.ts';
import { until } from '../../../lib/poll.ts';
import { descendants, isAlive, readStat, type Seen } from '../../../lib/processes.ts';

interface Watched {
  readonly handle: ProcessHandle;
  /** What was reported, in order. */
  readonly reports: (Exit | 'gone')[];
}

function start(t: TestContext, script: string, wholeGroup: boolean): Watched {
  const poller = new Poller();
  const reports: Watched['reports'] = [];
  const program = new Program({ path: '/bin/sh', argv: ['sh', '-c', script], env: {} });
  const handle = ProcessHandle.start(() => program.spawn(new Map()), wholeGroup, poller, {
    exited: exit => reports.push(exit),
    gone: () => reports.push('gone'),
  });
  t.after(async () => {
    handle.signal('SIGKILL');
    await until(() => handle.isGone, { what: 'it to be gone' });
    poller.close();
  });
  return { handle, reports };
}

async function childrenOf({ handle }: Watched, count: number): Promise<Seen[]> {
  return until(
    () => {
      const found = descendants(handle.pid).filter(({ name }) => name === 'sleep');
      return found.length === count ? found : undefined;
    },
    { what: `${count} children` },
  );
}

// First: the pollers of the other tests close their descriptors a moment after the test.
void test('a hundred of them leave no descriptor behind', async t => {
  const poller = new Poller();
  t.after(() => poller.close());
  const program = new Program({ path: '/bin/true', argv: ['true'], env: {} });
  const handles = Array.from({ length: 100 }, () =>
    ProcessHandle.start(() => program.spawn(new Map()), true, poller, { exited: () => {}, gone: () => {} }),
  );
  assert.equal(openPidfds(), 100);
  await until(() => handles.every(({ isGone }) => isGone), { what: 'all to be gone' });
  assert.equal(openPidfds(), 0);
});

function openPidfds(): number {
  const links = readdirSync('/proc/self/fd').map(name => linkOf(`/proc/self/fd/${name}`));
  return links.filter(link => link === 'anon_inode:[pidfd]').length;
}

/** The descriptor with which the directory was read is closed by now. */
function linkOf(path: string): string | null {
  try {
    return readlinkSync(path);
  } catch {
    return null;
  }
}

for (const [script, exit] of [
  ['exit 0', { code: 0, signal: null }],
  ['exit 77', { code: 77, signal: null }],
  ['kill -SEGV $$', { code: null, signal: 'SIGSEGV' }],
  ['kill -40 $$', { code: null, signal: 'SIG40' }],
] as const) {
  void test(`${script}: reported once, then it is gone`, async t => {
    const watched = start(t, script, true);
    await until(() => watched.handle.isGone, { what: 'the end' });
    assert.deepEqual(watched.reports, [exit, 'gone']);
    assert.deepEqual(watched.handle.exit, exit);
    assert.equal(watched.handle.signal('SIGTERM'), false);
  });
}

void test('a signal reaches the whole group', async t => {
  const watched = start(t, 'sleep 600 & sleep 600 & wait', true);
  const children = await childrenOf(watched, 2);
  assert.equal(watched.handle.signal('SIGTERM'), true);
  await until(() => watched.handle.isGone, { what: 'the end' });
  assert.ok(!children.some(isAlive));
  assert.deepEqual(watched.reports, [{ code: null, signal: 'SIGTERM' }, 'gone']);
});

void test('kill_mode = "process": a stop reaches the leader alone, SIGKILL all that it has left', async t => {
  const watched = start(t, 'sleep 600 & sleep 600 & wait', false);
  const children = await childrenOf(watched, 2);
  watched.handle.signal('SIGTERM');
  await until(() => watched.handle.exit !== null, { what: 'the end of the leader' });
  watched.handle.signal('SIGTERM');
  assert.ok(children.every(isAlive));
  assert.equal(watched.handle.isGone, false);
  assert.equal(watched.handle.signal('SIGKILL'), true);
  await until(() => watched.handle.isGone, { what: 'the end' });
  assert.ok(!children.some(isAlive));
  assert.deepEqual(watched.reports, [{ code: null, signal: 'SIGTERM' }, 'gone']);
});

void test('kill_mode = "process": SIGKILL reaches the group while the leader runs', async t => {
  const watched = start(t, 'sleep 600 & sleep 600 & wait', false);
  const children = await childrenOf(watched, 2);
  watched.handle.signal('SIGKILL');
  await until(() => watched.handle.isGone, { what: 'the end' });
  assert.ok(!children.some(isAlive));
});

void test('a leader that ends before its children is not gone, and a signal still reaches them', async t => {
  const watched = start(t, 'sleep 600 & sleep 600 & wait', true);
  const children = await childrenOf(watched, 2);
  process.kill(watched.handle.pid, 'SIGKILL');
  await until(() => watched.reports.length > 0, { what: 'its exit' });
  assert.deepEqual(watched.reports, [{ code: null, signal: 'SIGKILL' }]);
  assert.ok(children.every(isAlive));
  assert.equal(watched.handle.signal('SIGTERM'), true);
  await until(() => watched.handle.isGone, { what: 'all to be gone' });
  assert.ok(!children.some(isAlive));
  assert.deepEqual(watched.reports.slice(1), ['gone']);
});

void test('SIGKILL reaches what it has started in groups of their own', async t => {
  // timeout(1) makes a group of itself and what it runs, as the CGI host of each script.
  const watched = start(t, 'timeout 600 sleep 600 & timeout 600 sleep 600 & wait', true);
  const children = await childrenOf(watched, 2);
  t.after(() => {
    for (const child of children.filter(isAlive)) process.kill(child.pid, 'SIGKILL');
  });
  watched.handle.signal('SIGKILL');
  await until(() => watched.handle.isGone && !children.some(isAlive), { what: 'the end of all' });
});

void test('a child that has left the session is nobody’s of ours', async t => {
  const watched = start(t, 'setsid sleep 600 & wait', true);
  const [stranger] = await childrenOf(watched, 1);
  assert.ok(stranger !== undefined);
  t.after(() => process.kill(stranger.pid, 'SIGKILL'));
  watched.handle.signal('SIGKILL');
  await until(() => watched.handle.isGone, { what: 'the end' });
  assert.ok(isAlive(stranger));
});

/** As if a keeper before us had started it: for us it is not a child, whose group we may name by its number. */
function adopted(t: TestContext, { handle }: Watched): Watched {
  const poller = new Poller();
  const reports: Watched['reports'] = [];
  const startTicks = Number(readStat(handle.pid)?.startTicks);
  const running = { pid: handle.pid, startTicks, isChild: false, exit: null, gone: false };
  const again = ProcessHandle.resume(
    running,
    true,
    poller,
    { exited: exit => reports.push(exit), gone: () => reports.push('gone') },
    () => true,
  );
  t.after(() => poller.close());
  return { handle: again, reports };
}

void test('the whole group of one that was adopted is signalled', async t => {
  const original = start(t, 'sleep 600 & sleep 600 & wait', true);
  const members = await childrenOf(original, 2);
  const { handle } = adopted(t, original);
  assert.ok(handle.signal('SIGSTOP'));
  await until(() => members.every(({ pid }) => readStat(pid)?.state === 'T'), { what: 'all to be stopped' });
  assert.ok(handle.signal('SIGKILL'));
  await until(() => !members.some(isAlive), { what: 'all to be gone' });
  await until(() => handle.isGone, { what: 'its end to be seen' });
  assert.ok(!handle.signal('SIGTERM'));
});

void test('what the leader of an adopted group leaves behind is found', async t => {
  const original = start(t, 'sleep 600 & sleep 0.2', true);
  const [member] = await childrenOf(original, 2);
  const { handle, reports } = adopted(t, original);
  await until(() => reports.length === 1, { what: 'the end of the leader' });
  assert.ok(!handle.isGone);
  assert.ok(handle.signal('SIGKILL'));
  await until(() => reports.length === 2, { what: 'the end of all' });
  assert.equal(reports[1], 'gone');
  assert.ok(member === undefined || !isAlive(member));
});
