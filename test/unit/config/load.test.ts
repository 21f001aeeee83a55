/** Layers, includes, env files, paths and defaults, over real files. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { findConfigFile } from '../../../src/config/find.ts';
import { loadConfig } from '../../../src/config/load.ts';
import { runtimePaths } from '../../../src/config/runtime-paths.ts';
import { KEYS } from '../../../src/config/schema.ts';
import { ENV_FILE_MAX_BYTES } from '../../../src/config/secrets.ts';
import { globalSettings, poolSettings } from '../../../src/config/settings.ts';
import { GOOD_POOL, onlyPool, said, writeTree } from './tree.ts';

void test('the file is the option, else $FPM_TS_CONFIG, else the one of the system', () => {
  const env = { FPM_TS_CONFIG: '/env/a.toml' };
  assert.equal(findConfigFile('/b.toml', env), '/b.toml');
  assert.equal(findConfigFile('c.toml', env), join(process.cwd(), 'c.toml'));
  assert.equal(findConfigFile(undefined, env), '/env/a.toml');
  assert.ok([null, '/etc/fpm-ts/fpm-ts.toml'].includes(findConfigFile(undefined, { FPM_TS_CONFIG: '' })));
});

void test('without a file every key has its default', () => {
  const { config, problems } = loadConfig({ file: null, env: {}, uid: 0 });
  assert.deepEqual(problems, []);
  assert.ok(config);
  assert.deepEqual([config.file, config.pools], [null, []]);
  const declared = [...KEYS.global.values()].map(({ name, meta }) => [name, meta.default]);
  assert.deepEqual(globalSettings(config), {
    ...Object.fromEntries(declared),
    run_dir: '/run/fpm-ts',
    pid_file: '/run/fpm-ts/fpm-ts.pid',
    'control.socket': '/run/fpm-ts/control.sock',
  });
});

void test('run_dir of an ordinary user', () => {
  const runDir = (env: Record<string, string>) => loadConfig({ file: null, env, uid: 1000 }).config?.runDir;
  assert.equal(runDir({ XDG_RUNTIME_DIR: '/run/user/1000' }), '/run/user/1000/fpm-ts');
  assert.equal(runDir({ XDG_RUNTIME_DIR: 'relative' }), '/tmp/fpm-ts-1000');
  assert.equal(runDir({}), '/tmp/fpm-ts-1000');
});

void test('a pool that sets only what it must has the defaults', t => {
  const tree = writeTree(t, { 'pools.d/p.toml': GOOD_POOL });
  const pool = onlyPool(tree.load());
  assert.deepEqual([pool.name, pool.file], ['p', `${tree.directory}/pools.d/p.toml`]);
  const settings: Readonly<Record<string, unknown>> = poolSettings(pool);
  const said = {
    command: ['/bin/worker'],
    user: 'www-data',
    'listen.address': '/run/x.sock',
    'pm.mode': 'static',
    'pm.max_children': 2,
  };
  const declared = [...KEYS.pool.values()].map(({ name, meta }) => [name, meta.default]);
  const { extends: _, ...defaults } = Object.fromEntries(declared) as Record<string, unknown>;
  const computed = { stop_is_graceful: false };
  for (const [key, value] of Object.entries({ ...defaults, ...computed, ...said }))
    assert.equal(JSON.stringify(settings[key]), JSON.stringify(value), key);
});

void test('php-cgi is graceful by itself, under any version', t => {
  const pools = { 'pools.d/p.toml': GOOD_POOL.replace('/bin/worker', '/usr/bin/php-cgi8.2') };
  assert.equal(onlyPool(writeTree(t, pools).load()).stopIsGraceful, true);
});

void test('the pool wins over its templates, those over [defaults], and every value knows its place', t => {
  const tree = writeTree(t, {
    'fpm-ts.toml':
      '[defaults]\numask = "0001"\nchdir = "d"\nkill_mode = "process"\nenv = { A = "d", B = "d", C = "d", D = "d" }\n',
    't/one.toml': 'extends = "deep/two.toml"\numask = "0002"\nenv.B = "one"\nenv.C = "one"\nchdir = "work"\n',
    't/deep/two.toml':
      'umask = "0003"\nstart_timeout = "3s"\nenv.B = "two"\nlog.file = "$pool.log"\nenv.D = "two"',
    'pools.d/p.toml': `extends = "../t/one.toml"\nenv.C = "pool"\n${GOOD_POOL}`,
  });
  const result = tree.load();
  const pool = onlyPool(result);
  assert.equal(pool.umask, 2);
  assert.equal(pool.startTimeoutMs, 3000);
  assert.equal(pool.killMode, 'process');
  assert.deepEqual(pool.env, { A: 'd', B: 'one', C: 'pool', D: 'two' });
  assert.equal(pool.chdir, `${tree.directory}/t/work`);
  assert.equal(pool.log.file, `${tree.directory}/t/deep/p.log`);

  const place = (key: string, element?: string | number) => {
    const { file, line, column, via } = result.sources.place('p', key, element);
    return `${via} ${file.slice(tree.directory.length + 1)}:${line}:${column}`;
  };
  assert.equal(place('umask'), 'extends t/one.toml:2:1');
  assert.equal(place('start_timeout'), 'extends t/deep/two.toml:2:1');
  assert.equal(place('kill_mode'), 'defaults fpm-ts.toml:4:1');
  assert.equal(place('env', 'A'), 'defaults fpm-ts.toml:5:9');
  assert.equal(place('env', 'C'), 'file pools.d/p.toml:2:1');
  assert.equal(place('command', 0), 'file pools.d/p.toml:3:12');
  assert.equal(place('group'), 'default pools.d/p.toml:null:null');
});

void test('relative paths resolve against the file that says them, a bare program does not', t => {
  const tree = writeTree(t, {
    'fpm-ts.toml': 'run_dir = "run"\nlog.file = "log/f.log"\n',
    'pools.d/p.toml': `command = ["bin/w", "x/y"]
allow_root = true
listen = "s.sock"
chdir = "."
document_root = "../www"
[pm]
mode = "static"
max_children = 1
`,
    'pools.d/q.toml': GOOD_POOL.replace('/bin/worker', 'worker').replace('/run/x.sock', `\${run_dir}/q.sock`),
  });
  const { config } = tree.load();
  const [p, q] = config?.pools ?? [];
  const pools = `${tree.directory}/pools.d`;
  assert.deepEqual(p?.command, [`${pools}/bin/w`, 'x/y']);
  assert.equal(p?.listen.address.text, `${pools}/s.sock`);
  assert.equal(p?.chdir, pools);
  assert.equal(p?.documentRoot, `${tree.directory}/www`);
  assert.deepEqual(q?.command, ['worker']);
  assert.equal(q?.listen.address.text, `${tree.directory}/run/q.sock`);
  assert.equal(config?.control.socket, `${tree.directory}/run/control.sock`);
  assert.equal(config?.log.file, `${tree.directory}/log/f.log`);
});

void test('variables expand everywhere in values', t => {
  const tree = writeTree(t, {
    'pools.d/p.toml': `command = ["\${node}", "\${here}/w.js", "$$pool", "\${env:APP}"]
allow_root = true
listen.address = "/run/$pool.sock"
pm = { mode = "static", max_children = 1 }
`,
  });
  const pool = onlyPool(tree.load({ env: { APP: 'a $pool' } }));
  assert.deepEqual(pool.command, ['/opt/node', `${tree.directory}/pools.d/w.js`, '$pool', 'a $pool']);
  assert.equal(pool.listen.address.text, '/run/p.sock');
});

void test('env files lie under env, the later over the earlier, and are remembered as secret', t => {
  const tree = writeTree(t, {
    'pools.d/p.toml': `env_files = ["a.env", "b.env"]\nenv.OWN = "own"\n${GOOD_POOL}`,
    'pools.d/a.env': 'A=a\nB=a\nOWN=a\n',
    'pools.d/b.env': 'B="b $pool"\n',
  });
  const pool = onlyPool(tree.load());
  assert.deepEqual(pool.env, { A: 'a', B: 'b $pool', OWN: 'own' });
  assert.deepEqual(pool.secretEnv, ['A', 'B']);
});

void test('pools are sorted, one that is off is kept', t => {
  const tree = writeTree(t, {
    'fpm-ts.toml': 'include = ["z/*.toml", "a/q.toml"]',
    'z/b.toml': GOOD_POOL,
    'z/a.toml': `enabled = false\n${GOOD_POOL}`,
    'z/.hidden.toml': 'x',
    'z/c.toml.bak': 'x',
    'a/q.toml': GOOD_POOL,
  });
  const names = tree.load().config?.pools.map(pool => [pool.name, pool.enabled]);
  assert.deepEqual(names, [
    ['a', false],
    ['b', true],
    ['q', true],
  ]);
});

void test('patterns work below a directory whose name looks like one', t => {
  const tree = writeTree(t, { 'a[1]*/fpm-ts.toml': '', 'a[1]*/pools.d/p.toml': GOOD_POOL });
  const { config } = loadConfig({ file: `${tree.directory}/a[1]*/fpm-ts.toml`, env: {}, uid: 0 });
  assert.deepEqual(
    config?.pools.map(pool => pool.name),
    ['p'],
  );
});

void test('what is wrong with includes', t => {
  const tree = writeTree(t, {
    'fpm-ts.toml': 'include = ["a/*.toml", "b/*.toml", "none/*.toml", "nope.toml", "a"]',
    'a/www.toml': GOOD_POOL,
    'b/www.toml': GOOD_POOL,
    'b/My Pool.toml': GOOD_POOL,
    'b/café.toml': GOOD_POOL,
    'b/two\nlines.toml': GOOD_POOL,
  });
  const result = tree.load();
  assert.equal(result.config, null);
  assert.equal(
    said(tree, result).replaceAll(tree.directory, 'DIR'),
    `b/My Pool.toml:1:1: "My Pool" is not the name of a pool; allowed: lower-case letters, digits, "_" and "-", a letter or digit first
  rename the file to my-pool.toml
b/café.toml:1:1: "café" is not the name of a pool; allowed: lower-case letters, digits, "_" and "-", a letter or digit first
  rename the file to cafe.toml
b/two\\x0alines.toml:1:1: "two\\nlines" is not the name of a pool; allowed: lower-case letters, digits, "_" and "-", a letter or digit first
  rename the file to two-lines.toml
b/www.toml:1:1: the pool "www" is already set by a/www.toml
  rename one of the two files
fpm-ts.toml:1:36: notice: include: none does not exist: no pools from it
  create none
fpm-ts.toml:1:51: include: nope.toml does not exist
  create it, or remove it from include
fpm-ts.toml:1:64: include: a is a directory
  write: include = ["a/*.toml"]`,
  );
});

void test('what a pattern matches and cannot be a pool file is never passed over', t => {
  const tree = writeTree(t, {
    'fpm-ts.toml': 'include = ["pools.d/*.toml", "*/sub/*.toml", "*/lost/*.toml"]',
    'pools.d/good.toml': GOOD_POOL,
    'pools.d/folder.toml/x': '',
    'pools.d/other/x': '',
    'elsewhere/real.toml': GOOD_POOL,
    'a/sub/below.toml': GOOD_POOL,
    'a/folder/inner.toml': GOOD_POOL,
  });
  const link = (target: string, name: string): void => symlinkSync(target, join(tree.directory, name));
  link('../elsewhere/real.toml', 'pools.d/linked.toml');
  link('nowhere', 'pools.d/dangling.toml');
  link('loop.toml', 'pools.d/loop.toml');
  link('/dev/zero', 'pools.d/endless.toml');
  link('../a/sub', 'pools.d/to-folder.toml');
  link('nowhere', 'pools.d/.#emacs.toml');
  mkdirSync(join(tree.directory, 'b'));
  link('../a/folder', 'b/sub'); // and through a link to a directory
  execFileSync('mkfifo', [join(tree.directory, 'pools.d/pipe.toml')]);
  const result = tree.load();
  assert.deepEqual(
    said(tree, result)
      .replaceAll(/\n {2}.*/g, '')
      .split('\n'),
    [
      'dangling.toml: dangling.toml is a symbolic link to nowhere, which does not exist',
      'endless.toml: endless.toml is a device, not a regular file',
      'folder.toml: folder.toml is a directory, not a regular file',
      'loop.toml: loop.toml is a symbolic link that leads back to itself',
      'pipe.toml: pipe.toml is a named pipe, not a regular file',
      'to-folder.toml: to-folder.toml is a directory, not a regular file',
    ],
  );
  for (const name of ['dangling', 'endless', 'folder', 'loop', 'pipe', 'to-folder'])
    rmSync(join(tree.directory, `pools.d/${name}.toml`), { recursive: true });
  assert.deepEqual(
    tree.load().config?.pools.map(({ name }) => name),
    ['below', 'good', 'inner', 'linked'],
  );
});

void test('a directory of pool files that is a link to nowhere, and a named file that is one', t => {
  const tree = writeTree(t, {});
  symlinkSync('nowhere', join(tree.directory, 'pools.d'));
  const remedy = 'create what it leads to, or remove the link';
  assert.equal(
    said(tree, tree.load()).replaceAll(tree.directory, 'DIR'),
    `DIR: include: pools.d is a symbolic link that leads nowhere\n  ${remedy}`,
  );
  writeFileSync(join(tree.directory, 'fpm-ts.toml'), 'include = ["p.toml", "pools.d/x/*.toml"]');
  symlinkSync('p.toml', join(tree.directory, 'p.toml'));
  assert.equal(
    said(tree, tree.load()).replace(tree.directory, 'DIR'),
    `fpm-ts.toml:1:22: include: pools.d is a symbolic link that leads nowhere\n  ${remedy}
p.toml: p.toml is a symbolic link that leads back to itself\n  correct or remove the link`,
  );
});

void test('no file that is named is a pipe, a device or without end', t => {
  const tree = writeTree(t, {
    'pools.d/p.toml': `extends = "../pipe"\nenv_files = ["../pipe", "/dev/zero", "../large"]\n${GOOD_POOL}`,
    large: 'A=1\n'.repeat(ENV_FILE_MAX_BYTES / 4).concat('#'),
  });
  execFileSync('mkfifo', [join(tree.directory, 'pipe')]);
  assert.equal(
    said(tree, tree.load()),
    `p.toml:1:1: extends: pipe is a named pipe, not a regular file
  name a regular file
p.toml:2:14: env_files: pipe is a named pipe, not a regular file
  name a regular file
p.toml:2:25: env_files: /dev/zero is a device, not a regular file
  name a regular file
p.toml:2:38: env_files: large is larger than 256 KB, which no such file is
  name the right file`,
  );
  const main = (file: string) => loadConfig({ file, env: {}, uid: 0 }).problems[0]?.message;
  for (const file of [join(tree.directory, 'pipe'), '/dev/zero']) {
    assert.match(main(file) ?? '', /not a regular file$/);
    assert.throws(() => runtimePaths(file), { code: 'CONFIG_MISSING', message: /not a regular file/ });
  }
});

void test('no pool file at all is no mistake', t => {
  const { config, problems } = writeTree(t, {}).load();
  assert.deepEqual([config?.pools, problems], [[], []]);
});

void test('a configuration file that is not there, is a directory, is not text', t => {
  const tree = writeTree(t, { 'x.toml/y': '', 'pools.d/p.toml': GOOD_POOL });
  const first = (file: string) =>
    loadConfig({ file: join(tree.directory, file), env: {}, uid: 0 }).problems[0];
  assert.equal(first('nope.toml')?.code, 'CONFIG_MISSING');
  assert.match(first('x.toml')?.message ?? '', /is a directory/);
  const binary = writeTree(t, {});
  assert.match(String(loadBinary(binary.directory)?.message), /not UTF-8/);
});

function loadBinary(directory: string) {
  // Latin-1, as an old editor would save it.
  writeFileSync(join(directory, 'fpm-ts.toml'), Buffer.from('# caf\xe9\n', 'latin1'));
  return loadConfig({ file: join(directory, 'fpm-ts.toml'), env: {}, uid: 0 }).problems[0];
}

void test('a byte order mark and CRLF are no mistake', t => {
  const tree = writeTree(t, { 'pools.d/p.toml': `\ufeff${GOOD_POOL.replaceAll('\n', '\r\n')}` });
  assert.equal(onlyPool(tree.load()).pm.maxChildren, 2);
});

void test('the mistakes of all files are reported at once, in order of file and line', t => {
  const tree = writeTree(t, {
    'fpm-ts.toml': 'log.level = "loud"\n',
    'pools.d/a.toml': `${GOOD_POOL}umask = 27\nfoo = 1\nchdir = 3s\n`,
    'pools.d/b.toml': 'command = 1',
  });
  const places = tree
    .load()
    .problems.map(it => `${it.file?.split('/').at(-1)}:${it.line} ${it.key} ${it.code}`);
  assert.deepEqual(places, [
    'fpm-ts.toml:1 log.level CONFIG_VALUE',
    'a.toml:6 umask CONFIG_VALUE',
    'a.toml:7 foo CONFIG_UNKNOWN_KEY',
    'a.toml:8 chdir CONFIG_SYNTAX',
    'b.toml:1 command CONFIG_VALUE',
    'b.toml:1 listen.address CONFIG_REQUIRED',
    'b.toml:1 pm.mode CONFIG_REQUIRED',
    'b.toml:1 pm.max_children CONFIG_REQUIRED',
    'b.toml:1 user CONFIG_REQUIRED',
  ]);
});

void test('a mistake in [defaults] is reported once, however many pools have it', t => {
  const pools = Object.fromEntries(['a', 'b', 'c'].map(name => [`pools.d/${name}.toml`, GOOD_POOL]));
  const tree = writeTree(t, { 'fpm-ts.toml': '[defaults]\numask = 27\n', ...pools });
  assert.equal(tree.load().problems.length, 1);
});

void test('names from JavaScript are keys like any other', t => {
  const pool = `${GOOD_POOL}__proto__ = 1\nconstructor.x = 1\n[env]\n__proto__ = "a"\ntoString = "b"\n`;
  const tree = writeTree(t, { 'pools.d/p.toml': pool });
  const result = tree.load();
  assert.match(said(tree, result), /^p\.toml:6:1: __proto__: there is no such key/m);
  assert.match(said(tree, result), /^p\.toml:7:1: constructor: there is no such key/m);
  assert.match(said(tree, result), /^p\.toml:9:1: env\.__proto__: /m);
  assert.doesNotMatch(said(tree, result), /toString/);
});

void test('all files that were read are known, for whoever watches them', t => {
  const tree = writeTree(t, {
    'pools.d/p.toml': `extends = "../t.toml"\nenv_files = ["a.env"]\n${GOOD_POOL}`,
    't.toml': '',
    'pools.d/a.env': 'A=1',
  });
  const files = tree.load().sources.files.map(file => file.slice(tree.directory.length + 1));
  assert.deepEqual(files.sort(), ['fpm-ts.toml', 'pools.d/a.env', 'pools.d/p.toml', 't.toml']);
});

/** Runs as somebody who is not root; a user who is none already stays who he is. */
function asNobody<T>(run: () => T): T {
  if (process.geteuid?.() !== 0 || !process.seteuid) return run();
  process.seteuid(65_534);
  try {
    return run();
  } finally {
    process.seteuid(0);
  }
}

void test('what may not be read is an error, because it may hold pools', t => {
  const tree = writeTree(t, { 'pools.d/p.toml': GOOD_POOL, 'open/q.toml': GOOD_POOL });
  writeFileSync(
    join(tree.directory, 'fpm-ts.toml'),
    'include = ["pools.d/*.toml", "open/*.toml", "sites/*/*.toml"]',
  );
  chmodSync(tree.directory, 0o755);
  chmodSync(join(tree.directory, 'pools.d'), 0o000);
  chmodSync(join(tree.directory, 'open/q.toml'), 0o000);
  mkdirSync(join(tree.directory, 'sites'));
  mkdirSync(join(tree.directory, 'sites/closed'), { mode: 0o000 });
  const result = asNobody(() => tree.load({ uid: 65_534 }));
  chmodSync(join(tree.directory, 'pools.d'), 0o700);
  assert.equal(
    said(tree, result),
    `fpm-ts.toml:1:12: include: pools.d cannot be read (EACCES)
  let the user who starts fpm-ts read pools.d
fpm-ts.toml:1:45: include: sites/closed cannot be read (EACCES)
  let the user who starts fpm-ts read sites/closed
open/q.toml: open/q.toml cannot be read (EACCES)
  let the user who starts fpm-ts read open/q.toml`,
  );
});
