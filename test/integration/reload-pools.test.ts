/** A reload with other pools and settings: added, removed, switched off, changed; all, those named, those changed. */
import assert from 'node:assert/strict';
import { existsSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Daemon, startDaemon } from '../lib/daemon.ts';
import { ask } from '../lib/http.ts';
import { helloPools } from '../lib/pools.ts';
import { poolOf, type Status, workerPids } from '../lib/status.ts';
import { suite } from '../lib/suite.ts';

interface Plan {
  readonly pools: readonly {
    pool: string;
    action: string;
    changes: readonly { key: string; applied: string }[];
  }[];
  readonly needs_restart: readonly string[];
}

async function reload(daemon: Daemon, ...args: string[]): Promise<Plan> {
  const { code, stdout } = await daemon.cli('reload', ...args, '--json');
  assert.equal(code, 0, stdout);
  return JSON.parse(stdout) as Plan;
}

function actions(plan: Plan): string[] {
  return plan.pools.map(({ pool, action }) => `${pool} ${action}`);
}

function names(status: Status): string[] {
  return status.pools.map(({ name }) => name);
}

suite('integration/reload-pools', { needs: ['gcc', 'libfcgi'] }, async scope => {
  const hello = await helloPools(scope);
  const daemon = await startDaemon(scope, { pools: { a: hello('a'), b: hello('b') } });
  const file = (pool: string): string => join(daemon.poolsDir, `${pool}.toml`);
  const write = (pool: string, text: string): void => writeFileSync(file(pool), text);
  const settled = (): Promise<Status> =>
    daemon.statusWhen('only new workers to be left', status =>
      status.pools.every(({ workers, pm }) => workers.idle === pm.max_children && workers.stopping === 0),
    );

  await scope.test('a pool is added', async () => {
    write('c', hello('c'));
    assert.equal((await daemon.status()).config_changed_on_disk, true);
    assert.deepEqual(actions(await reload(daemon, '--changed')), ['a keep', 'b keep', 'c add']);
    const status = await daemon.status();
    assert.deepEqual(names(status), ['a', 'b', 'c']);
    assert.equal(poolOf(status, 'c').state, 'running');
    assert.equal((await daemon.cli('request', 'c', '/')).code, 0);
  });

  await scope.test('a pool is removed: its workers end and its socket goes', async () => {
    rmSync(file('c'));
    assert.equal((await daemon.status()).config_changed_on_disk, true);
    assert.deepEqual(actions(await reload(daemon, '--changed')), ['a keep', 'b keep', 'c remove']);
    assert.deepEqual(names(await daemon.status()), ['a', 'b']);
    assert.equal(existsSync(join(daemon.runDir, 'c.sock')), false);
  });

  await scope.test('status shows pools by name, whenever they came', async () => {
    write('aa', hello('aa'));
    await reload(daemon, '--changed');
    assert.deepEqual(names(await daemon.status()), ['a', 'aa', 'b']);
    rmSync(file('aa'));
    await reload(daemon, '--changed');
  });

  await scope.test('a pool is switched off and on again', async () => {
    write('b', hello('b', { enabled: false }));
    assert.deepEqual(actions(await reload(daemon, '--changed')), ['a keep', 'b remove']);
    assert.deepEqual(names(await daemon.status()), ['a']);
    write('b', hello('b'));
    assert.deepEqual(actions(await reload(daemon, '--changed')), ['a keep', 'b add']);
    assert.deepEqual(names(await daemon.status()), ['a', 'b']);
  });

  await scope.test('--changed gives new workers only to pools that changed', async () => {
    const before = await daemon.status();
    write('b', hello('b', { umask: '0077' }));
    const plan = await reload(daemon, '--changed');
    assert.deepEqual(actions(plan), ['a keep', 'b roll']);
    assert.deepEqual(plan.pools[1]?.changes, [{ key: 'umask', applied: 'workers' }]);
    const after = await settled();
    assert.deepEqual(workerPids(after, 'a'), workerPids(before, 'a'));
    assert.deepEqual(
      workerPids(after, 'b').filter(pid => workerPids(before, 'b').includes(pid)),
      [],
    );
  });

  await scope.test('--changed: what needs no new workers is taken by those that there are', async () => {
    const before = await daemon.status();
    write('b', hello('b', { umask: '0077', 'pm.max_children': 3, process_control_timeout: '3s' }));
    const plan = await reload(daemon, '--changed');
    assert.deepEqual(actions(plan), ['a keep', 'b live']);
    assert.deepEqual(
      plan.pools[1]?.changes.map(({ applied }) => applied),
      ['live', 'live'],
    );
    const after = await settled();
    assert.equal(poolOf(after, 'b').workers.total, 3);
    assert.deepEqual(
      workerPids(before, 'b').filter(pid => !workerPids(after, 'b').includes(pid)),
      [],
    );
    write('b', hello('b', { umask: '0077' }));
    assert.deepEqual(actions(await reload(daemon, '--changed')), ['a keep', 'b live']);
    assert.equal(poolOf(await settled(), 'b').workers.total, 2);
  });

  await scope.test(
    'scale holds until a reload changes the pool, even one that keeps its workers',
    async () => {
      assert.equal((await daemon.cli('scale', '--force', 'b', '4')).code, 0);
      await daemon.statusWhen('four workers', status => poolOf(status, 'b').workers.idle === 4);
      assert.deepEqual(actions(await reload(daemon, '--changed', 'b')), ['b keep']);
      assert.equal(poolOf(await daemon.status(), 'b').workers.total, 4);
      write('b', hello('b', { umask: '0077', process_control_timeout: '4s' }));
      assert.deepEqual(actions(await reload(daemon, '--changed', 'b')), ['b live']);
      assert.equal(poolOf(await settled(), 'b').workers.total, 2);
    },
  );

  await scope.test(
    'only the pools named are reloaded; what else changed on disk stays for later',
    async () => {
      const before = await daemon.status();
      write('a', hello('a', { umask: '0077' }));
      write('d', hello('d'));
      assert.deepEqual(actions(await reload(daemon, 'b')), ['b roll']);
      const after = await settled();
      assert.deepEqual(names(after), ['a', 'b']);
      assert.deepEqual(workerPids(after, 'a'), workerPids(before, 'a'));
      assert.equal(after.config_changed_on_disk, true);
      assert.deepEqual(actions(await reload(daemon, '--changed', '--dry-run')), [
        'a roll',
        'b keep',
        'd add',
      ]);
      assert.deepEqual(actions(await reload(daemon, 'd')), ['d add']);
      assert.deepEqual(names(await daemon.status()), ['a', 'b', 'd']);
      assert.deepEqual(actions(await reload(daemon, '--changed')), ['a roll', 'b keep', 'd keep']);
      assert.equal((await daemon.status()).config_changed_on_disk, false);
    },
  );

  await scope.test('a stopped pool stays stopped, and starts with what the reload read', async () => {
    assert.equal((await daemon.cli('stop', 'd')).code, 0);
    write('d', hello('d', { 'pm.max_children': 1 }));
    await reload(daemon);
    assert.equal(poolOf(await daemon.status(), 'd').state, 'stopped');
    assert.equal((await daemon.cli('start', 'd')).code, 0);
    assert.equal(poolOf(await daemon.status(), 'd').workers.total, 1);
  });

  await scope.test('a setting of fpm-ts.toml that needs a restart is named', async () => {
    const text = `run_dir = "${daemon.runDir}"\nlog.file = "${scope.dir}/fpm-ts.log"\nlog.format = "json"\n`;
    writeFileSync(daemon.configFile, `${text}control.socket = "${daemon.runDir}/other.sock"\n`);
    // By its socket: the command line looks for the new one, as the file says.
    const url = 'http://localhost/v1/reload';
    const answer = await ask(url, { socketPath: daemon.controlSocket, body: '{"changed":true}' });
    assert.deepEqual((JSON.parse(answer.text) as Plan).needs_restart, ['control.socket']);
    assert.equal((await daemon.status()).state, 'running');
    writeFileSync(daemon.configFile, text);
    await reload(daemon, '--changed');
  });

  await scope.test('all pools may go, and come back', async () => {
    for (const pool of ['a', 'b', 'd']) rmSync(file(pool));
    assert.deepEqual(actions(await reload(daemon)), ['a remove', 'b remove', 'd remove']);
    assert.deepEqual(names(await daemon.status()), []);
    assert.match((await daemon.cli('status')).stdout, /no pools/);
    write('a', hello('a'));
    assert.deepEqual(actions(await reload(daemon)), ['a add']);
    assert.equal((await daemon.cli('request', 'a', '/')).code, 0);
  });
});
