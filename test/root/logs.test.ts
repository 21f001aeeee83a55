/** `fpm-ts logs` and other users: one who may not read a log, and one who puts something else in its place. */
import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, renameSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { jsonLine } from '../../src/keeper/output/log-format.ts';
import { type CommandResult, runCommand } from '../lib/command.ts';
import { MAIN } from '../lib/paths.ts';
import { scriptPool } from '../lib/pools.ts';
import { suite } from '../lib/suite.ts';
import { ALICE, directory, MALLORY, own } from '../lib/tenants.ts';

suite('root/logs', { root: true, needs: ['setpriv'] }, async scope => {
  const { dir } = scope;
  chmodSync(dir, 0o755);
  const home = directory(join(dir, 'home'), ALICE);
  const [config, main, log] = [join(dir, 'fpm-ts.toml'), join(dir, 'main.log'), join(home, 'alice.log')];
  mkdirSync(join(dir, 'pools.d'));
  const alice = scriptPool('exec sleep 1000', { user: String(ALICE), group: String(ALICE), 'log.file': log });
  writeFileSync(join(dir, 'pools.d/alice.toml'), alice);
  writeFileSync(config, `run_dir = "${dir}/run"\nlog.file = "${main}"\n`);
  const record = (msg: string): string => `${jsonLine({ level: 30, time: 1, pool: 'alice', pid: 7, msg })}\n`;
  writeFileSync(main, record('in the main log'), { mode: 0o640 });
  writeFileSync(log, record('in her own log'));
  own(log, ALICE, 0o640);

  const logs = (before: readonly string[], ...args: string[]): Promise<CommandResult> => {
    const [program = '', ...rest] = [...before, process.execPath, MAIN, '-c', config, 'logs', ...args];
    return runCommand(program, rest, { cwd: '/' });
  };
  const as = (uid: number): string[] => ['setpriv', `--reuid=${uid}`, `--regid=${uid}`, '--clear-groups'];

  await scope.test(
    'who may not read the main log sees her own, and hears whose the other one is',
    async () => {
      const { code, stdout, stderr } = await logs(as(ALICE), 'alice');
      assert.equal(code, 77);
      assert.match(stdout, /in her own log\n$/);
      assert.doesNotMatch(stdout, /main log/);
      assert.equal(
        stderr,
        `fpm-ts: user ${ALICE} may not read the log ${main} (it belongs to root:root, mode 0640): run this as root\n`,
      );
    },
  );

  await scope.test('a log that a group may read: the group is named', async () => {
    own(main, 0, 0o640, ALICE);
    const { code, stdout, stderr } = await logs(as(MALLORY));
    assert.deepEqual([code, stdout], [77, '']);
    assert.match(stderr, new RegExp(`run this as root, or as a member of group ${ALICE}$`, 'm'));
    assert.equal((await logs(as(ALICE))).code, 0);
  });

  await scope.test(
    'root reads no file through a link that a user put in the place of his log, and no pipe',
    async () => {
      const secret = join(dir, 'secret');
      writeFileSync(secret, 'secret of root\n', { mode: 0o600 });
      renameSync(log, `${log}.1`);
      symlinkSync(secret, log);
      const linked = await logs([], 'alice');
      assert.equal(linked.code, 1);
      assert.match(linked.stdout, /in the main log\n$/);
      assert.match(linked.stderr, /alice\.log is a symbolic link/);
      assert.doesNotMatch(linked.stdout + linked.stderr, /secret of/);
      renameSync(log, `${log}.2`);
      assert.equal((await runCommand('mkfifo', [log])).code, 0);
      own(log, ALICE, 0o600);
      const pipe = await logs([], 'alice');
      assert.deepEqual([pipe.code, pipe.signal], [1, null]);
      assert.match(pipe.stderr, /alice\.log is no regular file/);
    },
  );
});
