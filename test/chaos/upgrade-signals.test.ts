/**
 * Node puts signals back to their defaults as it starts, so one that comes while the keeper becomes another program may
 * end it. That is then the death of a keeper: its workers do not notice, and the next start goes on with them.
 */
import assert from 'node:assert/strict';
import { unixSocket } from '../lib/ask-pool.ts';
import type { CommandResult } from '../lib/command.ts';
import { startDaemon } from '../lib/daemon.ts';
import { startLoad } from '../lib/load.ts';
import { helloPools, socketOf } from '../lib/pools.ts';
import { isAlive, readStat } from '../lib/processes.ts';
import { workerPids } from '../lib/status.ts';
import { suite } from '../lib/suite.ts';

const isHello = (body: string): boolean => /^hello from \d+\n$/.test(body);
const EVERY_MS = 10;

suite('chaos/upgrade-signals', { needs: ['gcc', 'libfcgi'] }, async scope => {
  const hello = await helloPools(scope);
  const daemon = await startDaemon(scope, {
    pools: { www: hello('www') },
    ownSession: true,
    expectedLog: [/ended without stopping its workers/, /supervisor restarted/],
  });
  const load = startLoad(scope, unixSocket(socketOf(scope, 'www')), 2, isHello);
  const workers = workerPids(await daemon.status(), 'www');
  const keeper = readStat(daemon.pid) ?? assert.fail('there is no keeper');

  /** Upgrades while that signal comes without pause; ends when the upgrade has, well or not. */
  async function upgradeUnder(signal: NodeJS.Signals): Promise<CommandResult> {
    const storm = setInterval(() => {
      if (isAlive(keeper)) process.kill(keeper.pid, signal);
    }, EVERY_MS);
    try {
      return await daemon.cli('upgrade');
    } finally {
      clearInterval(storm);
    }
  }

  await scope.test('SIGUSR1 without pause during an upgrade harms nobody', async () => {
    const { code, stderr } = await upgradeUnder('SIGUSR1');
    assert.deepEqual([code, stderr], [0, '']);
    assert.deepEqual(workerPids(await daemon.status(), 'www'), workers);
    assert.doesNotMatch(daemon.output(), /Debugger listening/);
  });

  await scope.test(
    'SIGHUP without pause may end the keeper; the workers serve on, and a start takes them over',
    async () => {
      const { code, stderr } = await upgradeUnder('SIGHUP');
      scope.diagnostic(`the keeper ${isAlive(keeper) ? 'lives' : 'was ended'}; upgrade: exit code ${code}`);
      if (!isAlive(keeper)) {
        assert.match(stderr, /`fpm-ts start`/);
        assert.equal((await daemon.cli('start', '--daemonize')).code, 0);
      }
      await load.more(20);
      assert.deepEqual(await load.end(), []);
      assert.equal((await daemon.cli('stop')).code, 0);
    },
  );
});
