/** Workers that are stopped for a look: real processes, stopped, continued and killed by group. */
import assert from 'node:assert/strict';
import { setTimeout as delay } from 'node:timers/promises';
import { FROZEN_AT_MOST_MS, Frozen } from '../../../../src/keeper/workers/frozen.ts';
import { ProcessHandle } from '../../../../src/keeper/workers/process-handle.ts';
import { Poller } from '../../../../src/os/poller.ts';
import { Program } from '../../../../src/os/spawn.ts';
import { openInner } from '../../../lib/place.ts';
import { until } from '../../../lib/poll.ts';
import { descendants, isAlive, readStat, type Seen } from '../../../lib/processes.ts';
import { suite } from '../../../lib/suite.ts';

interface Group {
  readonly pid: number;
  readonly handle: ProcessHandle;
  readonly frozen: Frozen;
  /** The leader and its child. */
  readonly members: readonly Seen[];
  /** Waits until each of them is stopped, or none is. */
  readonly untilStopped: (stopped: boolean) => Promise<void>;
}

/** Longer than any test takes, however slow the machine. */
const LONG_MS = 600_000;

function stateOf({ pid }: Seen): string {
  return readStat(pid)?.state ?? 'gone';
}

suite('unit/keeper/frozen', {}, async scope => {
  const poller = new Poller();
  scope.defer(() => poller.close());
  let number = 0;

  /** A leader with one child. @param wholeGroup as kill_mode says */
  async function start(wholeGroup: boolean, atMostMs = LONG_MS): Promise<Group> {
    const place = openInner(scope, String(++number));
    const argv = ['sh', '-c', 'sleep 600 & wait'];
    const program = new Program({ path: '/bin/sh', argv, env: {} });
    let frozen: Frozen | null = null;
    const handle = ProcessHandle.start(() => program.spawn(new Map()), wholeGroup, poller, {
      exited: () => frozen?.thaw(handle.pid),
      gone: () => {},
    });
    frozen = new Frozen((_pid, signal) => handle.signalGroup(signal), atMostMs);
    const { pid } = handle;
    place.defer(async () => {
      handle.signalGroup('SIGKILL');
      await until(() => handle.isGone, { what: 'it to be gone' });
    });
    const children = await until(
      () => {
        const found = descendants(pid).filter(({ name }) => name === 'sleep');
        return found.length === 1 && found;
      },
      { what: 'its child' },
    );
    const members = [readStat(pid) ?? assert.fail(), ...children];
    return {
      pid,
      handle,
      frozen,
      members,
      untilStopped: async stopped =>
        void (await until(() => members.filter(isAlive).every(seen => (stateOf(seen) === 'T') === stopped), {
          what: `${members.length} processes to ${stopped ? 'stop' : 'go on'}`,
          explain: () => members.map(stateOf).join(' '),
        })),
    };
  }

  for (const wholeGroup of [true, false]) {
    const mode = wholeGroup ? 'group' : 'process';

    await scope.test(
      `kill_mode ${mode}: the whole group stops, and goes on when it is released`,
      async () => {
        const { pid, frozen, untilStopped } = await start(wholeGroup);
        assert.equal(frozen.freeze(pid), true);
        assert.equal(frozen.freeze(pid), true);
        await untilStopped(true);
        assert.equal(frozen.release(pid, false), true);
        await untilStopped(false);
        assert.equal(frozen.release(pid, false), false);
      },
    );

    await scope.test(`kill_mode ${mode}: killed while it is frozen, all of it`, async () => {
      const { pid, handle, frozen, members, untilStopped } = await start(wholeGroup);
      frozen.freeze(pid);
      await untilStopped(true);
      assert.equal(frozen.release(pid, true), true);
      await until(() => handle.isGone && !members.some(isAlive), { what: 'the end' });
      assert.deepEqual(handle.exit, { code: null, signal: 'SIGKILL' });
      assert.equal(frozen.freeze(pid), false);
    });

    await scope.test(
      `kill_mode ${mode}: a leader that somebody kills leaves nothing frozen behind`,
      async () => {
        const { pid, frozen, members, untilStopped } = await start(wholeGroup);
        frozen.freeze(pid);
        await untilStopped(true);
        process.kill(pid, 'SIGKILL');
        const [leader, child] = members;
        await until(() => leader !== undefined && !isAlive(leader), { what: 'its end' });
        await untilStopped(false);
        assert.ok(child !== undefined && isAlive(child));
        process.kill(child.pid, 'SIGKILL');
      },
    );
  }

  await scope.test('it goes on by itself, and is not killed after that', async () => {
    const { pid, frozen, members, untilStopped } = await start(true, FROZEN_AT_MOST_MS);
    frozen.freeze(pid);
    await delay(FROZEN_AT_MOST_MS); // set after the other timer, it ends after it
    await untilStopped(false); // nobody asked for it
    assert.equal(frozen.release(pid, true), false);
    assert.ok(members.every(isAlive));
  });

  await scope.test('continued by a stranger, it is not killed either', async () => {
    const { pid, frozen, members, untilStopped } = await start(true);
    frozen.freeze(pid);
    await untilStopped(true);
    for (const member of members) process.kill(member.pid, 'SIGCONT');
    await untilStopped(false);
    assert.equal(frozen.release(pid, true), false);
    assert.ok(members.every(isAlive));
  });

  for (const [who, index] of [
    ['it', 0],
    ['its child', 1],
  ] as const) {
    await scope.test(`whoever has stopped ${who} for a look of their own is left alone`, async () => {
      const { pid, frozen, members } = await start(true);
      const stopped = members[index] ?? assert.fail();
      process.kill(stopped.pid, 'SIGSTOP');
      await until(() => stateOf(stopped) === 'T', { what: 'it to stop' });
      assert.equal(frozen.freeze(pid), false);
      frozen.thaw(pid);
      frozen.thawAll();
      assert.equal(frozen.release(pid, false), false);
      assert.equal(stateOf(stopped), 'T');
    });
  }

  await scope.test('all that are frozen go on together', async () => {
    const groups = [await start(true), await start(true)];
    const [first, second] = groups;
    assert.ok(first !== undefined && second !== undefined);
    const byPid = new Map(groups.map(group => [group.pid, group.handle]));
    const frozen = new Frozen((pid, signal) => byPid.get(pid)?.signalGroup(signal) ?? false, LONG_MS);
    for (const { pid } of groups) frozen.freeze(pid);
    for (const group of groups) await group.untilStopped(true);
    frozen.thawAll();
    for (const group of groups) await group.untilStopped(false);
    assert.equal(frozen.release(first.pid, true), false);
  });
});
