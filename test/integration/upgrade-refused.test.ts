/** An installed version that cannot go on is found out before anything has happened: the old one goes on untouched. */
import assert from 'node:assert/strict';
import { copyFileSync, readFileSync, rmSync, truncateSync } from 'node:fs';
import { join } from 'node:path';
import { askPool, unixSocket } from '../lib/ask-pool.ts';
import { startDaemon } from '../lib/daemon.ts';
import { until } from '../lib/poll.ts';
import { helloPools, socketOf } from '../lib/pools.ts';
import { descendants } from '../lib/processes.ts';
import { type Status, workerPids } from '../lib/status.ts';
import { suite } from '../lib/suite.ts';
import { openVersions, patch } from '../lib/versions.ts';

interface Row {
  readonly what: string;
  /** Breaks an installation in that directory. */
  readonly spoil: (directory: string) => void;
  readonly reason: RegExp;
}

const ROWS: readonly Row[] = [
  {
    what: 'the program is gone',
    spoil: directory => rmSync(join(directory, 'dist/main.js')),
    reason: /^fpm-ts: \S+\/current\/dist\/main\.js cannot be read \(ENOENT\): install fpm-ts again$/m,
  },
  {
    what: 'a file of the supervisor is gone',
    spoil: directory => rmSync(join(directory, 'dist/pool/recycle.js')),
    reason: /does not come up \(exit code 1\): .*Cannot find module '\S+\/dist\/pool\/recycle\.js'/,
  },
  {
    what: 'a file of the keeper is cut short',
    spoil: directory => truncateSync(join(directory, 'dist/keeper/workers/workers.js'), 700),
    reason: /does not come up \(exit code 1\): .*Error.*workers\.js/,
  },
  {
    what: 'all of it is empty',
    spoil: directory => truncateSync(join(directory, 'dist/main.js')),
    reason: /said nothing of what it was asked: its files may be incomplete$/m,
  },
  {
    what: 'it is no JSON what names the version',
    spoil: directory => truncateSync(join(directory, 'package.json')),
    // Node reads it before any line of ours. Each version of Node has its own words, and all name the file.
    reason: /does not come up \(exit code 1\): \w*Error: .*\/package\.json/,
  },
  {
    what: 'it passes on and reads another state',
    spoil: directory =>
      patch(directory, 'dist/keeper/handover/state.js', 'STATE_SCHEMA = 1', 'STATE_SCHEMA = 99'),
    reason:
      /2\.0\.0 cannot read what this version passes on, which is of another version of fpm-ts \(schema 1/,
  },
  {
    what: 'its supervisor cannot go on with what there is',
    spoil: directory =>
      patch(
        directory,
        'dist/pool/pool-turns.js',
        '= restorePool(',
        '= (() => { throw new Error("no pool"); })() ?? restorePool(',
      ),
    reason: /2\.0\.0 .*no pool/,
  },
  {
    what: 'it crashes',
    spoil: directory =>
      patch(
        directory,
        'dist/keeper/keeper.js',
        'export class Keeper',
        'process.kill(process.pid, "SIGSEGV");\nexport class Keeper',
      ),
    reason: /was ended by SIGSEGV/,
  },
  {
    what: 'it is of before there were upgrades',
    spoil: directory => patch(directory, 'dist/cli/processes.js', "'--trial'", "'--other'"),
    reason: /does not come up \(exit code 64\): .*unknown option '--trial'/,
  },
];

suite('integration/upgrade-refused', { needs: ['gcc', 'libfcgi'] }, async scope => {
  const versions = openVersions(scope, '1.0.0');
  const hello = await helloPools(scope);
  const daemon = await startDaemon(scope, {
    pools: { www: hello('www') },
    program: [process.execPath, versions.main],
    expectedLog: [/"event":"upgradeFailed"/],
  });
  const same = (status: Status): unknown => [
    status.version,
    status.pid,
    status.supervisor_pid,
    workerPids(status, 'www'),
  ];
  const before = await daemon.status();
  const children = descendants(daemon.pid).length;

  for (const [i, { what, spoil, reason }] of ROWS.entries()) {
    await scope.test(`${what}: the old one goes on, and the reason is said`, async () => {
      const directory = versions.use('2.0.0', `2.0.0-${i}`);
      spoil(directory);
      const { code, stdout, stderr } = await daemon.cli('upgrade');
      assert.deepEqual([code, stdout], [1, '']);
      assert.match(stderr, reason);
      assert.match(stderr, /\nfpm-ts 1\.0\.0 continues as before\n$/);
      assert.ok(!/\n +at /.test(stderr), 'no stack trace');
      const after = await daemon.status();
      assert.deepEqual(same(after), same(before));
      assert.equal(after.last_upgrade?.ok, false);
      assert.match(`fpm-ts: ${after.last_upgrade.message}`, reason);
      assert.equal(descendants(daemon.pid).length, children);
    });
  }

  await scope.test('mended, it goes through', async () => {
    assert.match(await askPool(unixSocket(socketOf(scope, 'www'))), /^hello/);
    versions.use('2.0.1');
    const { code, stderr } = await daemon.cli('upgrade');
    assert.deepEqual([code, stderr], [0, '']);
    const { last_upgrade } = await daemon.status();
    assert.deepEqual([last_upgrade?.ok, last_upgrade?.from, last_upgrade?.to], [true, '1.0.0', '2.0.1']);
    assert.ok(readFileSync(join(daemon.dir, 'fpm-ts.log'), 'utf8').includes('"event":"upgraded"'));
  });
});

suite('integration/upgrade-execve', { needs: ['gcc', 'libfcgi'] }, async scope => {
  const versions = openVersions(scope, '1.0.0');
  const hello = await helloPools(scope);
  const node = join(scope.dir, 'node');
  const installNode = (): void => copyFileSync(process.execPath, node);
  installNode();
  const daemon = await startDaemon(scope, {
    pools: { www: hello('www') },
    program: [node, versions.main],
    expectedLog: [/the upgrade did not happen/, /no supervisor could be started/, /supervisor restarted/],
  });
  const before = await daemon.status();

  await scope.test(
    'refused by the kernel at the last step: the old keeper goes on, with another supervisor',
    async () => {
      const directory = versions.use('2.0.0');
      // Node itself goes away between the trial and the step.
      patch(
        directory,
        'dist/cli/rehearsal.js',
        'return endProcess(0)',
        '(await import("node:fs")).unlinkSync(process.execPath); return endProcess(0)',
      );
      const upgrade = daemon.cli('upgrade');
      await until(
        () => daemon.log().some(({ msg }) => /the upgrade did not happen: .*ENOENT/.test(msg ?? '')),
        {
          what: 'the refusal',
          deadlineMs: 30_000,
        },
      );
      installNode();
      const { code, stderr } = await upgrade;
      assert.equal(code, 1);
      assert.match(stderr, /execve \S+\/node: .*ENOENT.*\nfpm-ts 1\.0\.0 continues as before\n$/);
      const after = await daemon.statusWhen('another supervisor', status => {
        const { supervisor_pid: pid } = status;
        return pid > 0 && pid !== before.supervisor_pid;
      });
      assert.deepEqual([after.version, after.pid], ['1.0.0', before.pid]);
      assert.deepEqual(workerPids(after, 'www'), workerPids(before, 'www'));
      assert.match(await askPool(unixSocket(socketOf(scope, 'www'))), /^hello/);
    },
  );
});
