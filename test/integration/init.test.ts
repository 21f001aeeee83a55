/** `fpm-ts init`, as somebody has it who installed from npm: what it writes is good, starts, and is never written over. */
import assert from 'node:assert/strict';
import { chownSync, existsSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type CommandResult, cleanEnvironment, runCommand } from '../lib/command.ts';
import { copyPart, install } from '../lib/installed.ts';
import { assertNothingLeft, watchProcesses } from '../lib/leftovers.ts';
import { findProgram } from '../lib/needs.ts';
import { IS_ROOT, suite } from '../lib/suite.ts';

/** Nobody's in any /etc/passwd that we know. */
const ORDINARY_UID = 23_457;

interface Report {
  readonly config: string;
  readonly written: readonly string[];
  readonly existing: readonly string[];
  readonly next: readonly string[];
}

suite('integration/init', { needs: ['setpriv'] }, async scope => {
  const { node, main } = install(scope);
  for (const part of ['packaging/starter', 'packaging/systemd']) copyPart(part, join(scope.dir, 'installed'));
  const home = join(scope.dir, 'home');
  const runtime = join(scope.dir, 'runtime');
  for (const directory of [home, runtime]) {
    mkdirSync(directory);
    if (IS_ROOT) chownSync(directory, ORDINARY_UID, ORDINARY_UID);
  }
  const env = { ...cleanEnvironment(), HOME: home, XDG_RUNTIME_DIR: runtime, XDG_CONFIG_HOME: '' };
  const become = ['setpriv', `--reuid=${ORDINARY_UID}`, `--regid=${ORDINARY_UID}`, '--clear-groups'];
  /** Root becomes an ordinary user; whoever else runs this is one. */
  const fpm = (...args: string[]): Promise<CommandResult> => {
    const [program = '', ...rest] = [...(IS_ROOT ? become : []), node, main, ...args];
    return runCommand(program, rest, { env, cwd: home });
  };
  const init = async (...args: string[]): Promise<Report> => {
    const { code, stdout, stderr } = await fpm('init', '--json', ...args);
    assert.equal(code, 0, stdout + stderr);
    return JSON.parse(stdout) as Report;
  };
  const file = join(home, '.config/fpm-ts/fpm-ts.toml');
  const unit = join(home, '.config/systemd/user/fpm-ts.service');
  const pool = (name: string): string => join(home, '.config/fpm-ts/pools.d', name);

  await scope.test('not as root it writes into ~/.config, and says what comes next', async () => {
    const { config, written, existing, next } = await init('--systemd');
    assert.equal(config, file);
    assert.deepEqual(written, [file, pool('hello.toml'), pool('www.toml.sample'), unit]);
    assert.deepEqual(existing, []);
    assert.equal(next[0], `fpm-ts -c ${file} check`);
    assert.ok(next.includes('systemctl --user enable --now fpm-ts'));
  });

  await scope.test('a current directory that was deleted is said, in words', async () => {
    const line = 'mkdir gone && cd gone && rmdir ../gone && exec "$@"';
    const { code, stderr } = await runCommand(
      'sh',
      ['-c', line, 'sh', node, main, 'init', '--directory', 'x'],
      {
        env,
        cwd: scope.dir,
      },
    );
    const said = 'fpm-ts: the directory that this was called in was deleted: `cd` to another one\n';
    assert.deepEqual([code, stderr], [1, said]);
  });

  await scope.test('its file is not taken unasked: who does not name it is told where it is', async () => {
    const { code, stderr } = await fpm('start');
    assert.equal(code, 78);
    assert.ok(stderr.endsWith(`say \`-c ${file}\`, or \`export FPM_TS_CONFIG=${file}\`\n`), stderr);
  });

  await scope.test('what it wrote passes check', async () => {
    const { code, stdout, stderr } = await fpm('-c', file, 'check');
    assert.equal(code, 0, stdout + stderr);
    assert.match(stdout, /is good, 1 pool$/m);
  });

  await scope.test('what it wrote starts and serves', async () => {
    const watch = watchProcesses();
    const started = await fpm('-c', file, 'start', '--daemonize', '--json');
    assert.equal(started.code, 0, started.stdout + started.stderr);
    watch.look([(JSON.parse(started.stdout) as { pid: number }).pid]);
    try {
      const { code, stdout } = await fpm('-c', file, 'request', 'hello', '/');
      assert.equal(code, 0);
      assert.match(stdout, /^Hello from worker/);
    } finally {
      assert.equal((await fpm('-c', file, 'stop')).code, 0);
      await assertNothingLeft(watch, scope.dir);
    }
  });

  await scope.test('the unit starts this installation with this configuration', () => {
    const text = readFileSync(unit, 'utf8');
    assert.match(text, new RegExp(`^ExecStart=${node} ${main} --config ${file} start$`, 'm'));
    assert.match(text, new RegExp(`^ExecReload=${node} ${main} --config ${file} reload`, 'm'));
    assert.ok(!text.includes('/usr/bin/fpm-ts'));
  });

  await scope.test('systemd finds nothing to say about the unit', async t => {
    const analyze = findProgram('systemd-analyze');
    if (analyze === undefined) return t.skip('needs systemd-analyze: apt-get install systemd');
    const { code, stderr } = await runCommand(analyze, ['verify', '--man=no', '--user', unit], {
      env: { ...env, XDG_RUNTIME_DIR: runtime },
    });
    assert.deepEqual(
      { code, about: stderr.split('\n').filter(line => line.includes('fpm-ts')) },
      { code: 0, about: [] },
    );
  });

  await scope.test('a second time it leaves everything as it is, and says so', async () => {
    const files = [file, unit, pool('hello.toml')];
    for (const path of files) writeFileSync(path, '# mine\n');
    const { written, existing } = await init('--systemd');
    assert.deepEqual({ written, existing }, { written: [], existing: [file, unit] });
    for (const path of files) assert.equal(readFileSync(path, 'utf8'), '# mine\n');
  });

  await scope.test('where there are pools it adds none', async () => {
    const directory = join(home, 'site');
    const mine = join(directory, 'pools.d/mine.toml');
    const make = ['-p', join(directory, 'pools.d')];
    await runCommand('mkdir', make);
    writeFileSync(mine, '');
    if (IS_ROOT)
      for (const path of [directory, join(directory, 'pools.d')]) chownSync(path, ORDINARY_UID, ORDINARY_UID);
    const { written, existing } = await init('--directory', 'site');
    assert.deepEqual({ written, existing }, { written: [join(directory, 'fpm-ts.toml')], existing: [mine] });
  });

  await scope.test('-c names the file, and its directory may be missing', async () => {
    const named = join(home, 'a/b c/other.toml');
    const { config, written } = await init('-c', named);
    assert.equal(config, named);
    assert.equal(written.length, 3);
    assert.equal((await fpm('-c', named, 'check')).code, 0);
  });

  await scope.test('a link that leads nowhere is not followed', async () => {
    const directory = join(home, 'linked');
    mkdirSync(directory);
    symlinkSync(join(home, 'elsewhere'), join(directory, 'fpm-ts.toml'));
    if (IS_ROOT) chownSync(directory, ORDINARY_UID, ORDINARY_UID);
    const { written, existing } = await init('--directory', directory);
    assert.deepEqual({ written, existing }, { written: [], existing: [join(directory, 'fpm-ts.toml')] });
    assert.ok(!existsSync(join(home, 'elsewhere')));
  });

  await scope.test('where it may not write it says so, with 77 and nothing half written', async () => {
    const { code, stderr } = await fpm('init', '--directory', '/usr/fpm-ts-test');
    assert.equal(code, 77);
    assert.match(
      stderr,
      /^fpm-ts: \/usr\/fpm-ts-test\/fpm-ts\.toml may not be written \(EACCES\): .*--directory/,
    );
    assert.ok(!existsSync('/usr/fpm-ts-test'));
  });

  await scope.test('a file where a directory is to be is told as such', async () => {
    const { code, stderr } = await fpm('init', '--directory', join(home, '.config/fpm-ts/fpm-ts.toml'));
    assert.equal(code, 1);
    assert.match(stderr, /could not be written: .*(EEXIST|ENOTDIR)/);
  });

  await scope.test('a user without a home is told so', async () => {
    if (!IS_ROOT) return; // whoever runs this has one
    const [setpriv, ...rest] = [...become, 'env', '-u', 'HOME', node, main, 'init'];
    const { code, stderr } = await runCommand(setpriv ?? '', rest, { env });
    assert.equal(code, 1);
    assert.match(stderr, /^fpm-ts: this user has no home directory/);
  });

  await scope.test('an installation without the files to write is told as such', async () => {
    rmSync(join(scope.dir, 'installed/packaging'), { recursive: true });
    const { code, stderr } = await fpm('init', '--directory', 'other');
    assert.equal(code, 1);
    assert.match(stderr, /^fpm-ts: this installation is not complete, install it again: ENOENT/);
    assert.ok(!existsSync(join(home, 'other')));
  });

  await scope.test('-c and --directory together are a mistake', async () => {
    assert.equal((await fpm('-c', 'x.toml', 'init', '--directory', '.')).code, 64);
  });
});
