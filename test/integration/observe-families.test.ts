/** Which worker holds which connection and since when, and what it uses with its children, beside what is true. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { connectionsOf, Sightings } from '../../src/observe/families.ts';
import { lookAtSockets } from '../../src/observe/sockets.ts';
import { usageOf } from '../../src/observe/usage.ts';
import { LookBudget } from '../../src/os/look-budget.ts';
import { type Acceptor, connectTo, startAcceptor } from '../lib/acceptor.ts';
import { compileFixture } from '../lib/compile.ts';
import { type Scope, suite } from '../lib/suite.ts';

const MEGABYTE = 2 ** 20;

function acceptedOn({ inode }: Acceptor): ReadonlySet<number> {
  return lookAtSockets([{ inode, withConnections: true }]).get(inode)?.accepted ?? new Set();
}

async function startUnix(scope: Scope, name: string, clients: number): Promise<Acceptor> {
  const path = join(scope.dir, `${name}.sock`);
  const acceptor = await startAcceptor(scope, 'unix', path);
  for (let i = 0; i < clients; i++) await connectTo(scope, { path });
  return acceptor;
}

function ascending(a: number, b: number): number {
  return a - b;
}

suite('integration/observe-families', { needs: ['gcc'] }, async scope => {
  await scope.test('a worker holds what it and its children accepted, and no other connection', async () => {
    const [one, two] = [await startUnix(scope, 'one', 3), await startUnix(scope, 'two', 2)];
    const ofOne = [await one.accept(), await one.fork()].sort(ascending);
    const ofTwo = [await two.accept()];
    await two.dial(); // a socket of its own that is no connection of its listener's
    const accepted = new Set([...acceptedOn(one), ...acceptedOn(two)]);
    assert.deepEqual(connectionsOf(one.pid, accepted)?.sort(ascending), ofOne);
    assert.deepEqual(connectionsOf(two.pid, accepted), ofTwo);
    assert.deepEqual(connectionsOf(two.pid, acceptedOn(one)), []);
    assert.deepEqual(connectionsOf(2 ** 22 + 1, accepted), [], 'a process that has ended');
  });

  await scope.test('since when: from the first sight in the table, until it is closed', async () => {
    const acceptor = await startUnix(scope, 'since', 3);
    const sightings = new Sightings();
    const first = await acceptor.accept();
    sightings.note(acceptedOn(acceptor), 1000);
    const second = await acceptor.accept();
    sightings.note(acceptedOn(acceptor), 1100);
    const third = await acceptor.accept();
    const since = (): unknown => [first, second, third].map(connection => sightings.since(connection));
    assert.deepEqual(since(), [1000, 1100, null]);
    sightings.note(acceptedOn(acceptor), 1300);
    assert.deepEqual(since(), [1000, 1100, 1300]);
    await acceptor.close(second);
    sightings.note(acceptedOn(acceptor), 1500);
    assert.deepEqual(since(), [1000, null, 1300]);
  });

  await scope.test(
    'memory that a family shares counts once, shared memory not at all; CPU of ended children does',
    async () => {
      const child = spawn(await compileFixture('spender', []), { stdio: ['pipe', 'pipe', 'inherit'] });
      scope.defer(async () => {
        const closed = child.exitCode ?? once(child, 'exit');
        child.stdin.end();
        await closed;
      });
      await once(child.stdout, 'data');
      const pid = child.pid ?? 0;
      const usage = usageOf(pid);
      const megabytes = (usage?.memoryBytes ?? 0) / MEGABYTE;
      assert.ok(megabytes >= 48 && megabytes < 52, `${megabytes} MB of the family`);
      const alone = (usageOf(pid, new LookBudget(), [pid])?.memoryBytes ?? 0) / MEGABYTE;
      assert.ok(alone >= 32 && alone < 36, `${alone} MB of the leader`);
      assert.ok((usage?.cpuSeconds ?? 0) >= 0.2, `${usage?.cpuSeconds} s of CPU`);
      const age = usage?.ageSeconds ?? 0;
      assert.ok(age >= 0.2 && age < 120, `${age} s old`);
      assert.equal(usageOf(2 ** 22 + 1), null);
    },
  );
});
