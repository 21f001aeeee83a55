/** The Debian package where systemd runs: it starts the service, upgrades it as it runs, and stops it when it goes. */
import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { CommandResult } from '../lib/command.ts';
import { buildPackage } from '../lib/package.ts';
import { until } from '../lib/poll.ts';
import type { Status } from '../lib/status.ts';
import { suite } from '../lib/suite.ts';
import { startSystemd, systemdObstacle } from '../lib/systemd.ts';

const UNIT = 'fpm-ts.service';
const FIRST = '9.1.0';
const SECOND = '9.2.0';
const NEEDS = ['unshare', 'systemd', 'python3', 'dpkg-deb'] as const;
const WHY = systemdObstacle();

suite('root/package-systemd', {
  root: true,
  needs: NEEDS,
  obstacle: WHY,
  timeoutMs: 240_000,
}, async scope => {
  const out = join(scope.dir, 'packages');
  mkdirSync(out);
  const first = await buildPackage(out, FIRST);
  const second = await buildPackage(out, SECOND);
  const systemd = await startSystemd(scope, { packages: true });
  await systemd.systemctl('is-system-running', '--wait');

  const good = async (command: string, ...args: string[]): Promise<CommandResult> => {
    const result = await systemd.run(command, ...args);
    assert.equal(
      result.code,
      0,
      `${command} ${args.join(' ')}\n${result.stdout}${result.stderr}\n${systemd.log()}`,
    );
    return result;
  };
  const dpkg = (...args: string[]): Promise<CommandResult> => good('dpkg', '--force-unsafe-io', ...args);
  const status = async (): Promise<Status> =>
    JSON.parse((await good('fpm-ts', 'status', '--json')).stdout) as Status;
  const active = (): Promise<string> => systemd.show(UNIT, 'ActiveState');

  await scope.test('the first installation enables and starts the service', async () => {
    await dpkg('--install', first);
    assert.equal(await active(), 'active');
    assert.equal(await systemd.show(UNIT, 'UnitFileState'), 'enabled');
    const { version, state } = await status();
    assert.deepEqual({ version, state }, { version: FIRST, state: 'running' });
  });

  await scope.test('an upgrade replaces it under the same main process', async () => {
    const main = await systemd.show(UNIT, 'MainPID');
    await dpkg('--install', second);
    assert.equal((await status()).version, SECOND);
    assert.equal(await systemd.show(UNIT, 'MainPID'), main);
    assert.equal(await active(), 'active');
  });

  await scope.test('one that the administrator has stopped and disabled stays so in an upgrade', async () => {
    await good('systemctl', 'disable', '--now', UNIT);
    await dpkg('--install', first);
    assert.equal(await active(), 'inactive');
    assert.equal(await systemd.show(UNIT, 'UnitFileState'), 'disabled');
  });

  await scope.test('removed and installed again, it runs again', async () => {
    await good('systemctl', 'enable', '--now', UNIT);
    await dpkg('--remove', 'fpm-ts');
    await until(async () => (await active()) === 'inactive', { what: 'the service to be gone' });
    await dpkg('--install', first);
    assert.equal(await active(), 'active');
  });

  await scope.test('removal stops the service', async () => {
    await dpkg('--purge', 'fpm-ts');
    await until(async () => (await active()) === 'inactive', { what: 'the service to be gone' });
    assert.deepEqual(systemd.processes(UNIT), []);
  });
});
