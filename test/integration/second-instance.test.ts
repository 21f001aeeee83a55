/** One control socket, one supervisor: a second instance is refused also where the pid file does not tell, and leaves no trace. */
import assert from 'node:assert/strict';
import { lstatSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { stateIn } from '../../src/keeper/handover/journal-reader.ts';
import { runCommand } from '../lib/command.ts';
import { startDaemon } from '../lib/daemon.ts';
import { MAIN } from '../lib/paths.ts';
import { helloPools } from '../lib/pools.ts';
import type { ErrorBody } from '../lib/status.ts';
import { suite } from '../lib/suite.ts';

suite('integration/second-instance', { needs: ['gcc', 'libfcgi'] }, async scope => {
  const hello = await helloPools(scope);
  const daemon = await startDaemon(scope, {
    pools: { www: hello('www') },
    // The second one logs to the same file.
    expectedLog: [/the control socket cannot be restored/, /is the run directory of keeper \d+, too/],
  });
  const { supervisor_pid: supervisor } = await daemon.status();
  const control = lstatSync(daemon.controlSocket).ino;

  async function assertRefused(configFile: string): Promise<void> {
    const second = await runCommand(process.execPath, [MAIN, '-c', configFile, '--json', 'start']);
    assert.equal(second.code, 75, second.stdout + second.stderr);
    const { error } = JSON.parse(second.stdout) as ErrorBody;
    assert.equal(error.code, 'ALREADY_RUNNING');
    assert.ok(error.message.includes(`pid ${daemon.pid} (its child ${supervisor})`), error.message);
    assert.ok(error.message.includes(daemon.controlSocket), error.message);
    assert.equal(lstatSync(daemon.controlSocket).ino, control);
    assert.equal((await daemon.status()).pid, daemon.pid);
  }

  await scope.test('another pid file and other pools, the same control socket', async () => {
    const configFile = join(scope.dir, 'other.toml');
    writeFileSync(
      configFile,
      `run_dir = "${scope.dir}/other"\ncontrol.socket = "${daemon.controlSocket}"\ninclude = []\n`,
    );
    await assertRefused(configFile);
  });

  await scope.test(
    'a command for another instance hears that this one runs, perhaps for others',
    async () => {
      const configFile = join(scope.dir, 'elsewhere.toml');
      writeFileSync(configFile, `run_dir = "${scope.dir}/elsewhere"\ninclude = []\n`);
      const { code, stderr } = await runCommand(process.execPath, [MAIN, '-c', configFile, 'status']);
      assert.equal(code, 69);
      assert.match(stderr, new RegExp(`fpm-ts runs as pid .*\\b${daemon.pid}\\b.*, perhaps for another`));
    },
  );

  await scope.test('the pid file was removed', async () => {
    rmSync(join(daemon.runDir, 'fpm-ts.pid'));
    const { code, stderr } = await daemon.cli('start');
    assert.equal(code, 75, stderr);
    assert.ok(stderr.includes(`pid ${daemon.pid} runs already (run_dir ${daemon.runDir}`), stderr);
    assert.equal((await daemon.status()).pid, daemon.pid);
  });

  await scope.test('the pid file and the lock were removed', async () => {
    for (const name of ['fpm-ts.pid', 'lock']) rmSync(join(daemon.runDir, name), { force: true });
    await assertRefused(daemon.configFile);
    const state = stateIn(readFileSync(join(daemon.runDir, 'state.journal'), 'utf8'));
    assert.equal(state.keeper.pid, daemon.pid, 'what the first one knows is not overwritten');
  });

  await scope.test("a socket that is somebody else's by now is not removed at the end", async () => {
    rmSync(daemon.controlSocket);
    writeFileSync(daemon.controlSocket, 'not a socket of this instance');
    process.kill(daemon.pid, 'SIGTERM');
    assert.deepEqual(await daemon.exited, { code: 0, signal: null });
    assert.ok(lstatSync(daemon.controlSocket).isFile());
  });
});
