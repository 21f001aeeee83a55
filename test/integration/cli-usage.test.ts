/** The command line without a daemon: usage, missing supervisors and configurations, in words and as JSON. */
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { SYSTEM_CONFIG_FILE } from '../../src/config/find.ts';
import { type CommandResult, cleanEnvironment, runCommand } from '../lib/command.ts';
import { MAIN } from '../lib/paths.ts';
import { poolText, scriptPool } from '../lib/pools.ts';
import type { ErrorBody } from '../lib/status.ts';
import { suite } from '../lib/suite.ts';

interface Row {
  readonly args: readonly string[];
  readonly exit: number;
  readonly code: string;
  readonly message: RegExp;
}

const COMMANDS = [
  'start',
  'stop',
  'reload',
  'status',
  'scale',
  'check',
  'config',
  'reopen-logs',
  'request',
  'serve',
];

suite('integration/cli-usage', {}, async scope => {
  const { dir } = scope;
  const run = (...args: string[]): Promise<CommandResult> =>
    runCommand(process.execPath, [MAIN, ...args], { cwd: dir });
  const write = (name: string, text: string): string => {
    const path = join(dir, name);
    writeFileSync(path, text);
    return path;
  };
  const good = write('good.toml', `run_dir = "${dir}/run"\ninclude = ["good.d/*.toml"]\n`);
  const broken = write('broken.toml', `run_dir = "${dir}/run"\ninclude = ["broken.d/*.toml"]\n`);
  mkdirSync(join(dir, 'good.d'));
  mkdirSync(join(dir, 'broken.d'));
  write('good.d/www.toml', scriptPool('exec sleep 1000'));
  const php = { command: ['/usr/bin/php-cgi'], 'listen.address': join(dir, 'php.sock') };
  mkdirSync(join(dir, 'php.d'));
  const phpOnly = write('php.toml', `run_dir = "${dir}/run"\ninclude = ["php.d/*.toml"]\n`);
  write('php.d/php.toml', poolText(php));
  write('broken.d/www.toml', `${scriptPool('exec sleep 1000')}umask = 0027\n`);
  const absent = join(dir, 'absent.toml');

  /** The same error in words on stderr and as JSON on stdout, with the same exit code, and never a stack trace. */
  async function assertFails({ args, exit, code, message }: Row): Promise<void> {
    const what = args.join(' ');
    const words = await run(...args);
    assert.equal(words.code, exit, `${what}: ${words.stderr}`);
    assert.equal(words.stdout, '', what);
    assert.match(words.stderr, message, what);
    const json = await run(...args, '--json');
    assert.equal(json.code, exit, `${what} --json: ${json.stderr}`);
    assert.equal(json.stderr, '', `${what} --json`);
    const { error } = JSON.parse(json.stdout) as ErrorBody;
    assert.deepEqual(Object.keys(error), ['code', 'message', 'file', 'line', 'column', 'key']);
    assert.equal(error.code, code, what);
    assert.match(error.message, message, what);
    for (const text of [words.stderr, json.stdout]) assert.doesNotMatch(text, /\bat .*\.js:\d+/, what);
  }

  await scope.test('what is not understood: exit code 64', async () => {
    const rows: [string[], RegExp][] = [
      [[], /Usage|no command/],
      [['nope'], /unknown command 'nope'/],
      [['--nope'], /unknown option '--nope'/],
      [['status', '--nope'], /unknown option '--nope'/],
      [['explain', 'one', 'two'], /too many arguments.*Usage: fpm-ts explain \[options\] <pool>/],
      [['scale', 'www'], /scale: missing required argument <workers>\. Usage: fpm-ts scale /],
      [['scale', 'www', '-1'], /must be a whole number .*, not "-1"/],
      [
        ['scale', 'www', 'many'],
        /<workers> must be a whole number from 0 to 100000, not "many"; for example/,
      ],
      [['scale', 'www', '2.5'], /a whole number/],
      [['scale', 'www', '100001'], /from 0 to 100000, not "100001"/],
      [['takeover', 'www'], /missing required option --pid <pid>\. Usage: fpm-ts takeover /],
      [['takeover', 'www', '--pid', '0'], /--pid <pid> must be the number of a process, from 1 to/],
      [['pause'], /pause: missing required argument <pools>/],
      [['request', 'www'], /missing required argument/],
      [
        ['request', 'www', '/', '--timeout', 'soon'],
        /--timeout <seconds> must be a number of seconds, not "soon"/,
      ],
      [['help', 'nope'], /Usage|no command/],
    ];
    for (const [args, message] of rows) {
      await assertFails({ args: ['-c', good, ...args], exit: 64, code: 'USAGE', message });
    }
    const { code, stderr } = await run('status', '-c');
    assert.equal(code, 64);
    assert.match(stderr, /argument missing/);
  });

  await scope.test('a word that is nearly a command gets a suggestion', async () => {
    assert.match((await run('relaod')).stderr, /^fpm-ts: unknown command 'relaod' \(did you mean reload\?\)/);
  });

  await scope.test('no supervisor runs: exit code 69, with what to do', async () => {
    const calls = [
      ['status'],
      ['status', 'www'],
      ['status', '--check'],
      ['status', '--watch'],
      ['stop'],
      ['stop', '--now'],
      ['stop', 'www'],
      ['reload'],
      ['reload', '--dry-run'],
      ['scale', 'www', '2'],
      ['pause', 'www'],
      ['resume', 'www'],
      ['start', 'www'],
      ['reopen-logs'],
    ];
    for (const call of calls) {
      const args = ['-c', good, ...call];
      await assertFails({ args, exit: 69, code: 'NOT_RUNNING', message: /fpm-ts start/ });
    }
  });

  await scope.test('no configuration at all: exit code 78 from whatever reads it, as from start', async t => {
    if (existsSync(SYSTEM_CONFIG_FILE)) return t.skip('this system has one');
    const calls = [['check'], ['check', '--static'], ['config'], ['request', 'www', '/'], ['serve', 'www']];
    for (const args of [...calls, ['start'], ['start', '--daemonize']]) {
      await assertFails({ args, exit: 78, code: 'CONFIG_MISSING', message: /there is no configuration/ });
    }
  });

  await scope.test('php-cgi cannot be asked without a document root', async () => {
    for (const call of [
      ['request', 'php', '/index.php'],
      ['serve', 'php'],
    ]) {
      const message = /php\.toml: document_root: must be set .*\n {2}add document_root = /;
      await assertFails({ args: ['-c', phpOnly, ...call], exit: 78, code: 'CONFIG_REQUIRED', message });
    }
  });

  await scope.test('a pool that does not exist, told from the files: exit code 66', async () => {
    for (const call of [
      ['config', 'nope'],
      ['request', 'nope', '/'],
      ['serve', 'nope'],
    ]) {
      await assertFails({ args: ['-c', good, ...call], exit: 66, code: 'NO_SUCH_POOL', message: /www/ });
    }
  });

  await scope.test(
    'a configuration with an error: exit code 78, with file, line, column and key',
    async () => {
      const calls = [
        ['check'],
        ['check', '--static'],
        ['config'],
        ['config', 'www'],
        ['request', 'www', '/'],
      ];
      for (const call of [...calls, ['start'], ['start', '--daemonize']]) {
        const words = await run('-c', broken, ...call);
        assert.equal(words.code, 78, call.join(' '));
        assert.match(words.stdout + words.stderr, /broken\.d\/www\.toml:\d+:\d+.*umask/s, call.join(' '));
        const json = await run('-c', broken, ...call, '--json');
        assert.equal(json.code, 78, call.join(' '));
        assert.equal(json.stderr, '', call.join(' '));
        const { error } = JSON.parse(json.stdout) as ErrorBody;
        assert.deepEqual([error.file, error.key], [join(dir, 'broken.d/www.toml'), 'umask'], call.join(' '));
        assert.ok((error.line ?? 0) > 1 && (error.column ?? 0) > 0, call.join(' '));
      }
    },
  );

  await scope.test('a configuration file that does not exist: exit code 78', async () => {
    for (const call of [['start'], ['start', '--daemonize'], ['config'], ['status'], ['stop']]) {
      const args = ['-c', absent, ...call];
      await assertFails({ args, exit: 78, code: 'CONFIG_MISSING', message: /absent\.toml/ });
    }
  });

  await scope.test('FPM_TS_CONFIG names the configuration; -c goes before it', async () => {
    const env = { ...cleanEnvironment(), FPM_TS_CONFIG: broken };
    const byVariable = await runCommand(process.execPath, [MAIN, 'check'], { cwd: dir, env });
    assert.equal(byVariable.code, 78);
    const args = [MAIN, '-c', good, 'check', '--static'];
    assert.equal((await runCommand(process.execPath, args, { cwd: dir, env })).code, 0);
  });

  await scope.test('check: good, in words and as JSON, and what was not tested is listed', async () => {
    const words = await run('-c', good, 'check');
    assert.equal(words.code, 0, words.stdout + words.stderr);
    assert.match(words.stdout, /is good, 1 pool$/m);
    const isStatic = JSON.parse((await run('-c', good, 'check', '--static', '--json')).stdout) as object;
    assert.deepEqual(isStatic, {
      ok: true,
      problems: [],
      untested: [{ what: 'the system', why: '--static' }],
    });
  });

  await scope.test('config: TOML that is a pool file again, as JSON, and with its origins', async () => {
    const toml = await run('-c', good, 'config', 'www');
    assert.match(toml.stdout, /^pm\.max_children = 1$/m);
    assert.match(toml.stdout, /^listen\.backlog = 511$/m);
    const again = join(dir, 'again.d');
    mkdirSync(again);
    write('again.d/www.toml', toml.stdout);
    const file = write('again.toml', `run_dir = "${dir}/run"\ninclude = ["again.d/*.toml"]\n`);
    assert.equal((await run('-c', file, 'config', 'www')).stdout, toml.stdout);
    const origin = await run('-c', good, 'config', 'www', '--origin');
    assert.match(origin.stdout, /^pm\.max_children = 1 .*good\.d\/www\.toml:\d+/m);
    assert.match(origin.stdout, /^listen\.backlog = 511 .*default/m);
    const json = JSON.parse((await run('-c', good, 'config', 'www', '--json')).stdout) as {
      settings: Record<string, unknown>;
    };
    assert.equal(json.settings['pm.max_children'], 1);
  });

  await scope.test('help: of every command, on stdout, with exit code 0', async () => {
    for (const command of COMMANDS) {
      const { code, stdout, stderr } = await run(command, '--help');
      assert.deepEqual([code, stderr], [0, ''], command);
      assert.match(stdout, new RegExp(`^Examples?:\n  fpm-ts .*${command}`, 'm'));
      assert.equal((await run('help', command)).stdout, stdout);
    }
  });

  await scope.test('a full disk under the output is told, and a failure', async () => {
    const args = ['-c', '"$0" "$1" --help >/dev/full', process.execPath, MAIN];
    const { code, stderr } = await runCommand('/bin/sh', args);
    assert.deepEqual(
      [code, stderr.split(':').slice(0, 3)],
      [1, ['fpm-ts', ' cannot write its output', ' ENOSPC']],
    );
  });

  await scope.test('version', async () => {
    assert.match((await run('--version')).stdout, /^\d+\.\d+\.\d+\n$/);
  });
});
