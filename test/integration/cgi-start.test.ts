/** When `fpm-ts cgi` does not start: said in words, with an exit code, and without a stack trace. */
import assert from 'node:assert/strict';
import { constants } from 'node:os';
import { runCommand } from '../lib/command.ts';
import { compileFixture } from '../lib/compile.ts';
import { MAIN } from '../lib/paths.ts';
import { IS_ROOT, suite } from '../lib/suite.ts';

const USER = IS_ROOT ? ['--user', 'nobody'] : [];

suite('integration/cgi-start', { needs: ['gcc'] }, async scope => {
  const run = (args: readonly string[], before: readonly string[] = []) => {
    const [command = '', ...rest] = [...before, process.execPath, MAIN, 'cgi', ...args];
    return runCommand(command, rest, { cwd: scope.dir });
  };

  await scope.test('without a listening socket: what to run it as', async () => {
    const { code, stderr } = await run(['--root', scope.dir, ...USER]);
    assert.equal(code, 1);
    assert.match(
      stderr,
      /^fpm-ts: descriptor 0 is no listening socket: run this as the command of a pool.*\n$/,
    );
  });

  await scope.test('a slip of the command line is a usage error; --json has it as well', async () => {
    const args = ['--root', `${scope.dir}/none`, ...USER];
    const { code, stderr } = await run(args);
    assert.equal(code, 64);
    assert.match(
      stderr,
      /^fpm-ts: cgi: --root \S+none does not exist: name the directory of the scripts, or make it\n$/,
    );
    const { stdout } = await run([...args, '--json']);
    assert.match(stdout, /"code":"USAGE","message":"cgi: --root /);
  });

  const old = await compileFixture('no-openat2', []);
  for (const name of ['ENOSYS', 'EPERM'] as const)
    await scope.test(`a kernel without openat2 (${name}) is named as the reason`, async () => {
      const before = [old, String(constants.errno[name])];
      const { code, stderr } = await run(['--root', scope.dir, ...USER], before);
      assert.equal(code, 1);
      assert.match(stderr, new RegExp(`^fpm-ts: cgi: openat2: .*\\(${name}\\): .*since 5\\.8\\..*\\n$`));
    });
});
