/** Where a supervisor listens whose file names another place: found by its keeper, and no other user's is believed. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { runningSocket } from '../../../src/control/running-socket.ts';
import { placeFixture } from '../../lib/fixtures.ts';
import { IS_ROOT, type Scope, suite } from '../../lib/suite.ts';

/** Starts one that calls itself the keeper of that configuration; its socket is `path`. */
async function startNamed(
  scope: Scope,
  as: readonly string[],
  configFile: string,
  path: string,
): Promise<void> {
  const fixture = placeFixture(scope, 'perl/named-keeper.pl');
  const command = [...as, '/usr/bin/perl', fixture, configFile, path];
  const child = spawn('env', command, { stdio: ['pipe', 'pipe', 'inherit'] });
  scope.defer(async () => {
    child.stdin.end();
    await once(child, 'exit');
  });
  await once(child.stdout, 'data');
}

suite('unit/control/running-socket', {}, async scope => {
  const configFile = join(scope.dir, 'fpm-ts.toml');
  writeFileSync(configFile, '');
  const open = join(scope.dir, 'open');
  mkdirSync(open);
  chmodSync(open, 0o777);
  chmodSync(scope.dir, 0o755);

  await scope.test('nobody runs with that file', () => {
    assert.equal(runningSocket(configFile), null);
  });

  if (IS_ROOT)
    await scope.test("another user's process that calls itself its keeper is not believed", async () => {
      const stranger = ['setpriv', '--reuid=nobody', '--regid=nogroup', '--clear-groups'];
      await startNamed(scope, stranger, configFile, join(open, 'forged.sock'));
      assert.equal(runningSocket(configFile), null);
    });

  await scope.test('that of our own user is found, whatever the file says', async () => {
    await startNamed(scope, [], configFile, join(open, 'real.sock'));
    assert.equal(runningSocket(configFile), join(open, 'real.sock'));
    assert.equal(runningSocket('/etc/fpm-ts/none.toml'), null);
  });
});
