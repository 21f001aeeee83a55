/** What is printed loads to the same configuration; secrets are not in it; each value says where it is from. */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import { configToJson, printConfig, printGlobal, printPool } from '../../../src/config/print.ts';
import { type TomlValue, tomlLine } from '../../../src/config/toml/write.ts';
import { GOOD_POOL, onlyPool, said, writeTree } from './tree.ts';

/** Text with everything that is special in TOML, in expansion, or in neither. */
const text = fc
  .string({
    unit: fc.oneof(
      fc.string({ minLength: 1, maxLength: 1 }),
      fc.constantFrom('$', '{', '}', 'pool', '"', '\\', '\n', '\t', '\x7f', '#', "'", 'é', '😀'),
    ),
  })
  .map(it => it.replaceAll('\0', ''));
const filled = text.filter(it => it !== '');
const variable = fc
  .stringMatching(/^[A-Za-z_][A-Za-z0-9_]{0,5}$/)
  .filter(it => !/^(LISTEN_|WATCHDOG_)/.test(it) && it !== '__proto__');
const account = fc.constantFrom('www-data', '33', 'a b');
const duration = fc.oneof(fc.constantFrom('500ms', '90s', '5m', '2h', '1d', 0, 1.5), fc.nat(100_000));
const path = fc.stringMatching(/^\/[a-z/ $"]{0,8}$/).map(it => it.replaceAll('$', '$$$$'));
const limit = fc.oneof(fc.nat(), fc.constant('unlimited'));
const size = fc.oneof(fc.nat(), fc.constantFrom('64K', '3M', '1G', 'unlimited'));
const octal = fc.nat(0o777).map(bits => bits.toString(8).padStart(3, '0'));

/** Some of the keys of a pool, with values that are right. */
const settings = fc.record(
  {
    enabled: fc.boolean(),
    protocol: fc.constantFrom('fastcgi', 'scgi', 'http', 'uwsgi', 'other'),
    group: account,
    umask: octal,
    chdir: path,
    clear_env: fc.boolean(),
    env: fc.dictionary(variable, escaped(text), { maxKeys: 3 }),
    pass_env: fc.array(variable, { maxLength: 2 }),
    stop_signal: fc.constantFrom('SIGTERM', 'QUIT', 'SIGUSR1'),
    stop_is_graceful: fc.boolean(),
    kill_mode: fc.constantFrom('group', 'process'),
    process_control_timeout: duration,
    rlimit_files: limit,
    rlimit_nproc: limit,
    rlimit_core: size,
    rlimit_as: size,
    document_root: path,
    params: fc.dictionary(fc.constantFrom('A', 'b c', 'd.e', '"'), escaped(text), { maxKeys: 2 }),
    'log.file': path,
    'listen.backlog': fc.integer({ min: 1, max: 65_535 }),
    'listen.owner': account,
    'listen.mode': octal,
    'listen.pass': fc.constantFrom('stdin', 'systemd'),
    'listen.swap': fc.constantFrom('rename', 'keep'),
    'pm.max_spawn_rate': fc.integer({ min: 1, max: 500 }),
    'pm.process_idle_timeout': duration,
    'pm.max_lifetime_jitter': fc.nat(1000).map(tenths => `${tenths / 10}%`),
    'process.priority': fc.integer({ min: -20, max: 19 }),
    'process.no_new_privileges': fc.boolean(),
  },
  { requiredKeys: [] },
);

/** As somebody writes text that shall mean itself. */
function escaped(arbitrary: fc.Arbitrary<string>): fc.Arbitrary<string> {
  return arbitrary.map(it => it.replaceAll('$', '$$$$'));
}

const required = fc.record({
  command: fc.tuple(filled, text, text).map(argv => argv.map(it => it.replaceAll('$', '$$$$'))),
  user: account,
  'listen.address': fc.constantFrom<string | number>(
    '/run/x.sock',
    'rel/x.sock',
    9000,
    '127.0.0.1:80',
    '[::1]:80',
    'none',
    'systemd:a',
  ),
  'pm.mode': fc.constant('static'),
  'pm.max_children': fc.integer({ min: 1, max: 1000 }),
});

void test('a printed configuration loads to the same, and prints the same', t => {
  const tree = writeTree(t, { 'pools.d/p.toml': '' });
  const main = join(tree.directory, 'fpm-ts.toml');
  const file = join(tree.directory, 'pools.d/p.toml');
  fc.assert(
    fc.property(required, settings, octal, (must, may, umask) => {
      const lines = Object.entries({ ...must, ...may } as Record<string, TomlValue>);
      writeFileSync(file, lines.map(([name, value]) => tomlLine(name.split('.'), value)).join('\n'));
      writeFileSync(main, `control.group = "x"\n[defaults]\numask = "${umask}"\n`);
      const first = tree.load();
      assert.ok(first.config, said(tree, first));
      const printed = [printGlobal(first.config), printPool(onlyPool(first))] as const;
      writeFileSync(main, printed[0]);
      writeFileSync(file, printed[1]);
      const second = tree.load();
      assert.ok(second.config, said(tree, second));
      assert.deepEqual(second.config, first.config);
      assert.deepEqual([printGlobal(second.config), printPool(onlyPool(second))], printed);
    }),
    { numRuns: 200 },
  );
});

const LAYERED = {
  'fpm-ts.toml': 'control.group = "adm"\n[defaults]\numask = "0027"\nenv_files = ["x.env"]\n',
  'x.env': 'SECRET="hush hush"\nOWN=hush\n',
  't.toml': 'start_timeout = "90s"\nenv.FROM = "template"\n',
  'pools.d/p.toml': `extends = "../t.toml"\nenv.OWN = "a $$HOME"\n${GOOD_POOL}`,
};

void test('with origins, each line says where its value is from, and secrets are masked', t => {
  const tree = writeTree(t, LAYERED);
  const result = tree.load();
  assert.ok(result.config);
  const printed = printConfig(result.config, { origins: result.sources }).replaceAll(
    `${tree.directory}/`,
    '',
  );
  const lines = printed.split('\n').map(line => line.replace(/ {2,}/, '  '));
  for (const expected of [
    '# ==> fpm-ts.toml <==',
    'control.group = "adm"  # fpm-ts.toml:1',
    'log.level = "info"  # default',
    '# ==> pools.d/p.toml <==',
    'umask = "0027"  # [defaults] fpm-ts.toml:3',
    'start_timeout = "90s"  # extends t.toml:1',
    'env.FROM = "template"  # extends t.toml:2',
    'env.OWN = "a $$HOME"  # pools.d/p.toml:2',
    'pm.max_children = 2  # pools.d/p.toml:7',
    'listen.backlog = 511  # default',
    "# group is not set: the user's group",
    '# env.SECRET = "***" (from env_files)',
  ]) {
    assert.ok(lines.includes(expected), `${expected}\nis not in\n${lines.join('\n')}`);
  }
  assert.doesNotMatch(printed, /hush/);
});

void test('the JSON has the same settings, with secrets masked', t => {
  const result = writeTree(t, LAYERED).load();
  assert.ok(result.config);
  const text = JSON.stringify(configToJson(result.config, { origins: result.sources }));
  assert.match(text, /"env":\{"SECRET":"\*\*\*","OWN":"a \$HOME","FROM":"template"\}/);
  assert.match(text, /"pm\.max_children":2/);
  assert.match(text, /"env\.FROM":"extends [^"]*t\.toml:2"/);
  assert.match(text, /"env\.SECRET":"env_files \[defaults\] [^"]*fpm-ts\.toml:4"/);
  assert.match(text, /"umask":"\[defaults\] /);
  assert.doesNotMatch(text, /hush/);
});
