/** From a command line of spawn-fcgi to a configuration. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { createProgram } from '../../../src/cli/program.ts';
import { readRequest, type SpawnOptions } from '../../../src/cli/spawn/command-line.ts';
import { poolName, poolText } from '../../../src/cli/spawn/configuration.ts';
import { findPlaces } from '../../../src/cli/spawn/places.ts';
import { isSpawn } from '../../../src/cli/spawn.ts';
import { REPOSITORY } from '../../lib/paths.ts';

const APP = ['/usr/bin/app', 'an argument'];

function text(options: SpawnOptions, app: readonly string[] = APP, env: NodeJS.ProcessEnv = {}): string {
  const request = readRequest({ s: '/run/app.sock', ...options }, app, true);
  const places = findPlaces(request, {}, '/srv');
  return poolText(request, { accounts: {}, places, env, umask: 0o027, isRoot: true, inheritedGroup: null });
}

const lineOf = (key: string, of: string): string | undefined =>
  of.split('\n').find(line => line.startsWith(`${key} = `));

void test('numbers as spawn-fcgi takes them, where they mean something', () => {
  const read = (options: SpawnOptions): ReturnType<typeof readRequest> =>
    readRequest({ s: 'x', ...options }, APP, true);
  const { backlog, workers, phpChildren, mode, pidFile } = read({});
  assert.deepEqual([backlog, workers, phpChildren, mode, pidFile], [1024, 1, null, null, null]);
  assert.deepEqual(
    ['0', '-1', '+7', '99999999'].map(b => read({ b }).backlog),
    [1, 65_535, 7, 65_535],
  );
  assert.deepEqual(
    ['0', '-1', '5'].map(C => read({ C }).phpChildren),
    [0, null, 5],
  );
  assert.deepEqual(
    ['0', '660', '00777'].map(M => read({ M }).mode),
    [0, 0o660, 0o777],
  );
  for (const wrong of [
    { b: '' },
    { b: '1e3' },
    { C: 'x' },
    { F: '-1' },
    { F: '1.5' },
    { M: '1777' },
    { M: '' },
  ])
    assert.throws(() => read(wrong), { name: 'SpawnRefused', exitCode: 255 }, JSON.stringify(wrong));
  for (const p of ['-1', '65536', '0x50', ' 80', '8e1'])
    assert.throws(() => readRequest({ p }, APP, true), { message: `invalid port: ${p}` });
});

void test('in the foreground there is no pid file', () => {
  assert.equal(readRequest({ s: 'x', P: 'x.pid', n: true }, APP, true).pidFile, null);
});

void test('what only root may say is not read for others', () => {
  const { user, chroot } = readRequest({ s: 'x', u: 'daemon', c: '/srv' }, APP, false);
  assert.deepEqual([user, chroot], [null, null]);
});

void test('paths: of the caller, of the jail, and out of it nothing leads', () => {
  const places = (options: SpawnOptions, app = APP): object => {
    const { socket, directory, program } = findPlaces(readRequest(options, app, true), {}, '/srv');
    return [socket, directory, program];
  };
  assert.deepEqual(places({ s: 'a.sock' }, ['./app']), ['/srv/a.sock', '/srv', '/srv/app']);
  assert.deepEqual(places({ s: 'a.sock', d: 'in' }, ['app']), ['/srv/a.sock', '/srv/in', '/srv/in/app']);
  assert.deepEqual(places({ s: '../a.sock', c: 'jail', d: '../in' }, ['app']), [
    '/srv/jail/a.sock',
    '/in',
    '/in/app',
  ]);
  assert.deepEqual(places({ s: 'a.sock', c: '/jail', S: true }), ['/srv/a.sock', '/', '/usr/bin/app']);
});

void test('a dollar sign, a quote and a backslash mean themselves', () => {
  assert.equal(
    lineOf('command', text({}, ['/bin/a', '$HOME', '$pool', '$$', '"\\'])),
    String.raw`command = ["/bin/a", "$$HOME", "$$pool", "$$$", "\"\\"]`,
  );
  assert.equal(
    lineOf('command', text({ f: 'a "$B"' }, [])),
    String.raw`command = ["/bin/sh", "-c", "exec a \"$$B\""]`,
  );
});

void test('php-cgi: its children are counted on, and its own number of requests is its own', () => {
  const php = ['/usr/bin/php-cgi8.2'];
  const plain = text({ C: '4' }, php);
  assert.equal(lineOf('pm.worker_concurrency', plain), 'pm.worker_concurrency = 4');
  assert.equal(lineOf('env.PHP_FCGI_CHILDREN', plain), 'env.PHP_FCGI_CHILDREN = "4"');
  assert.equal(lineOf('pm.max_requests', plain), 'pm.max_requests = 500');
  const given = text({}, php, { PHP_FCGI_MAX_REQUESTS: '1000', PHP_FCGI_CHILDREN: '2' });
  assert.equal(lineOf('pm.max_requests', given), 'pm.max_requests = 1000');
  assert.equal(lineOf('pm.worker_concurrency', given), 'pm.worker_concurrency = 2');
  const shell = text({ f: '/usr/bin/php-cgi -d x=1' }, []);
  assert.equal(lineOf('pm.max_requests', shell), undefined);
  assert.equal(lineOf('stop_is_graceful', shell), 'stop_is_graceful = true');
  assert.equal(lineOf('stop_is_graceful', text({})), undefined);
});

void test('a pool is named after its socket', () => {
  const named = (options: SpawnOptions): string => poolName(readRequest(options, APP, true));
  assert.deepEqual(
    [{ s: '/run/PHP 8.sock' }, { s: 'x.socket' }, { s: '/run/.sock' }, { s: '/run/ü' }, { p: '9000' }].map(
      named,
    ),
    ['php-8', 'x', 'pool', 'pool', 'port-9000'],
  );
});

void test('what stands behind `spawn` is spawn-fcgi’s, `-c` too', () => {
  const rows: readonly [string, boolean][] = [
    ['spawn -c /srv', true],
    ['--json spawn', true],
    ['-c spawn spawn', true],
    ['--config=x spawn', true],
    ['-c spawn status', false],
    ['status spawn', false],
    ['', false],
  ];
  for (const [line, expected] of rows) assert.equal(isSpawn(line.split(' ').filter(Boolean)), expected, line);
});

void test('docs/spawn.md has every option', () => {
  const document = readFileSync(join(REPOSITORY, 'docs/spawn.md'), 'utf8');
  const command = createProgram('main.js').commands.find(it => it.name() === 'spawn');
  const options = command?.options.map(({ short }) => short ?? '') ?? [];
  assert.ok(options.length > 15);
  const table = document.split('## Options')[1]?.split('\n## ')[0] ?? '';
  assert.deepEqual(
    options.filter(option => !table.includes(`\`${option}`)),
    [],
  );
});
