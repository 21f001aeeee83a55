/** The command line of `fpm-ts cgi`: what becomes of it, and what is said of its slips. */
import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { Command } from 'commander';
import { settingsOf } from '../../../src/cli/cgi/settings.ts';
import { registerCgi } from '../../../src/cli/cgi.ts';
import { FpmError } from '../../../src/errors.ts';

const dir = mkdtempSync(join(tmpdir(), 'fpm-ts-cgi-settings-'));
after(() => rmSync(dir, { recursive: true }));
mkdirSync(join(dir, 'cgi'));
writeFileSync(join(dir, 'file'), '');
chmodSync(join(dir, 'file'), 0o644);

const ORDINARY = 1000;
const ENV = { TZ: 'UTC' };

/** The options as commander reads them, the action left out. */
function options(args: readonly string[]): Parameters<typeof settingsOf>[0] {
  const program = new Command().exitOverride();
  registerCgi(program);
  const cgi = program.commands[0];
  assert.ok(cgi !== undefined);
  cgi.exitOverride().configureOutput({ writeErr: () => {} });
  cgi.action(() => {});
  program.parse(['cgi', ...args], { from: 'user' });
  return cgi.opts();
}

function command(args: readonly string[], uid = ORDINARY) {
  return settingsOf(options(args), ENV, uid);
}

const ROOT = ['--root', join(dir, 'cgi')];

void test('what is not said is as the help says', () => {
  assert.deepEqual(command(ROOT).settings, {
    protocol: 'fastcgi',
    roots: [join(dir, 'cgi')],
    programs: [],
    extensions: [],
    interpreters: new Map(),
    scriptPaths: false,
    user: null,
    env: {},
    maxScripts: 64,
    maxPerScript: 0,
    maxQueue: 256,
    timeoutMs: 0,
    killAfterMs: 5000,
    maxCpuSeconds: 0,
    maxMemoryBytes: 0,
    maxFileBytes: 0,
    maxParamsBytes: 2 ** 20,
  });
});

void test('what is said is taken, lists in their order', () => {
  const line =
    '--protocol scgi --program /bin/true --program /bin/false --extension .cgi --interpreter .sh=/bin/sh' +
    ' --script-paths --env A=b=c --pass-env TZ --max-scripts 1 --max-per-script 2 --max-queue 0 --timeout 90s' +
    ' --kill-after 0 --max-cpu-time 1500ms --max-memory 256M --max-file-size 1G --max-params 64K';
  const { settings, notices } = command([...ROOT, ...line.split(' ')]);
  assert.deepEqual(notices, []);
  assert.deepEqual(settings, {
    protocol: 'scgi',
    roots: [join(dir, 'cgi')],
    programs: ['/bin/true', '/bin/false'],
    extensions: ['.cgi'],
    interpreters: new Map([['.sh', '/bin/sh']]),
    scriptPaths: true,
    user: null,
    env: { A: 'b=c', TZ: 'UTC' },
    maxScripts: 1,
    maxPerScript: 2,
    maxQueue: 0,
    timeoutMs: 90_000,
    killAfterMs: 0,
    maxCpuSeconds: 2,
    maxMemoryBytes: 256 * 2 ** 20,
    maxFileBytes: 2 ** 30,
    maxParamsBytes: 64 * 1024,
  });
});

const SLIPS: readonly (readonly [args: readonly string[], message: RegExp])[] = [
  [[], /nothing is allowed to run: say with --root .* or with --program/],
  [['--root', join(dir, 'none')], /--root .*none does not exist: name the directory/],
  [['--root', join(dir, 'file')], /--root .*file is not a directory: a single script is named by --program/],
  [['--root', join(dir, 'file', 'in')], /--root .*in does not exist/],
  [['--program', 'cgit.cgi'], /--program cgit\.cgi: .* write the whole path/],
  [[...ROOT, '--extension', 'cgi'], /--extension cgi: a suffix begins with a dot/],
  [[...ROOT, '--extension', '.a/b'], /--extension \.a\/b/],
  [[...ROOT, '--interpreter', '/usr/bin/perl'], /--interpreter \/usr\/bin\/perl: write SUFFIX=PROGRAM/],
  [[...ROOT, '--interpreter', '.pl=perl'], /--interpreter \.pl perl: .* write the whole path/],
  [[...ROOT, '--interpreter', `.pl=${dir}/none`], /none does not exist: install it, or correct the path/],
  [[...ROOT, '--interpreter', `.pl=${dir}/file`], /file is no program that may be executed/],
  [[...ROOT, '--interpreter', `.pl=${dir}`], /is no program that may be executed/],
  [[...ROOT, '--env', 'NAME'], /--env NAME: write NAME=VALUE/],
  [[...ROOT, '--env', '=x'], /--env =x: write NAME=VALUE/],
  [[...ROOT, '--pass-env', 'A=b'], /--pass-env A=b/],
  [[...ROOT, '--user', 'nobody-of-that-name'], /--user nobody-of-that-name: there is no such user/],
  [[...ROOT, '--user', 'root'], /--user root is root, or in the group of root/],
  [[...ROOT, '--max-params', '100'], /--max-params 100: no request fits into so few bytes; say 4096 or more/],
  [[...ROOT, '--timeout', '5 parsecs'], /'5 parsecs' is invalid\. It must be a duration/],
  [[...ROOT, '--max-memory', 'much'], /'much' is invalid\. It must be a size/],
  [[...ROOT, '--max-scripts', '-1'], /'-1' is invalid\. It must be a whole number/],
  [[...ROOT, '--max-queue', '1.5'], /'1\.5' is invalid/],
  [[...ROOT, '--protocol', 'http'], /'http' is invalid\. Allowed choices are fastcgi, scgi/],
  [[...ROOT, 'more'], /too many arguments/],
];

for (const [args, message] of SLIPS)
  void test(`refused, with what to do: ${args.join(' ').replaceAll(dir, '')}`, () => {
    assert.throws(() => command(args), message);
    try {
      command(args);
    } catch (error) {
      if (error instanceof FpmError) assert.equal(error.exitCode, 64);
    }
  });

void test('root runs no scripts: it becomes nobody, or whom --user names', () => {
  const untold = command(ROOT, 0);
  assert.equal(untold.settings.user, 'nobody');
  assert.match(untold.notices.join(), /started as root: scripts run as nobody; give the pool a user/);
  const { settings, notices } = command([...ROOT, '--user', 'nobody'], 0);
  assert.equal(settings.user, 'nobody');
  assert.deepEqual(notices, []);
});

void test('what is allowed and most likely not meant is noticed', () => {
  assert.match(command(['--root', '/']).notices.join(), /--root \/ lets the web server run every program/);
  assert.match(command([...ROOT, '--program', `${dir}/later`]).notices.join(), /later is not there now/);
  assert.match(
    command([...ROOT, '--user', 'nobody']).notices.join(),
    /--user nobody is for root only, and ignored/,
  );
  assert.match(command([...ROOT, '--pass-env', 'NOT_SET_HERE']).notices.join(), /--pass-env NOT_SET_HERE/);
});
