/** What runs needs nothing of its installation any more: the files may be emptied under it, replaced, or removed. */
import assert from 'node:assert/strict';
import { lstatSync, readdirSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { askPool, unixSocket } from '../lib/ask-pool.ts';
import { startDaemon } from '../lib/daemon.ts';
import { install } from '../lib/installed.ts';
import { helloPools, socketOf } from '../lib/pools.ts';
import { poolOf, workerPids } from '../lib/status.ts';
import { suite } from '../lib/suite.ts';

/** As `cp` does before it writes; what is being executed the kernel protects, so the copy of Node is left out. */
function emptyFiles(directory: string, except: string): number {
  const files = readdirSync(directory, { recursive: true, encoding: 'utf8' })
    .map(name => join(directory, name))
    .filter(path => path !== except && lstatSync(path).isFile());
  for (const file of files) truncateSync(file);
  return files.length;
}

suite('integration/installation-gone', { needs: ['gcc', 'libfcgi'] }, async scope => {
  const hello = await helloPools(scope);
  const { node, main } = install(scope);
  const daemon = await startDaemon(scope, {
    pools: { www: hello('www'), sleeper: hello('sleeper', { 'pm.mode': 'ondemand' }) },
    program: [node, main],
    expectedLog: [/SIGKILL|out of memory/, /"event":"reloadFailed"/],
  });
  const installed = dirname(dirname(main));
  assert.ok(emptyFiles(installed, node) > 200, 'program and packages');

  const run = async (...command: string[]): Promise<string> => {
    const { code, stdout, stderr } = await daemon.cli(...command);
    assert.deepEqual([code, stderr], [0, ''], command.join(' '));
    return stdout;
  };

  await scope.test('emptied: workers, status, explain and logs go on', async () => {
    assert.match(await askPool(unixSocket(socketOf(scope, 'www'))), /^hello/);
    assert.match(await run('status'), /^www +running +2\/2/m);
    await run('explain', 'www');
    await run('reopen-logs');
    assert.match(await askPool(unixSocket(socketOf(scope, 'sleeper'))), /^hello/);
  });

  await scope.test('a worker that dies is replaced', async () => {
    const [victim = 0] = workerPids(await daemon.status(), 'www');
    process.kill(victim, 'SIGKILL');
    await daemon.statusWhen('another one', status => {
      const pids = workerPids(status, 'www');
      return pids.length === 2 && !pids.includes(victim) && poolOf(status, 'www').state === 'running';
    });
  });

  rmSync(installed, { recursive: true, force: true });

  await scope.test('removed: reloads, with everything that a configuration can ask for', async () => {
    const before = workerPids(await daemon.status(), 'www');
    await run('reload');
    await daemon.statusWhen('new workers', status =>
      workerPids(status, 'www').every(pid => !before.includes(pid)),
    );
    const more = ['process.min_free_memory = "1M"', 'log.level = "debug"', 'log.format = "pretty"'];
    writeFileSync(
      daemon.configFile,
      `run_dir = "${daemon.runDir}"\nlog.file = "${scope.dir}/pretty.log"\n${more.join('\n')}\n`,
    );
    writeFileSync(
      join(daemon.poolsDir, 'new.toml'),
      hello('new', {
        'pm.mode': 'dynamic',
        'pm.max_children': 8,
        'pm.min_spare_servers': 1,
        'pm.max_spare_servers': 3,
        'pm.max_lifetime': '1h',
      }),
    );
    await run('reload', '--changed');
    assert.match(await askPool(unixSocket(socketOf(scope, 'new'))), /^hello/);
  });

  await scope.test('a mistake in the configuration is explained', async () => {
    const file = join(daemon.poolsDir, 'broken.toml');
    writeFileSync(file, 'comand = ["x"]\numask = 0027\n');
    const { code, stderr } = await daemon.cli('reload');
    assert.equal(code, 78);
    assert.match(stderr, /command/);
    rmSync(file);
  });

  await scope.test('scales, stops and starts pools', async () => {
    await run('scale', '--force', 'www', '3');
    await daemon.statusWhen('three workers', status => workerPids(status, 'www').length === 3);
    await run('stop', 'new');
    await run('start', 'new');
    await run('reload');
  });

  await scope.test('stops', () => daemon.stop());
});
