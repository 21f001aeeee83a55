/** Files of fpm-ts itself and socket paths: run directory, pid file, logs, what stands where a socket is to be. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { closeSync, existsSync, lstatSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { TEMPORARY_SUFFIX_BYTES } from '../../src/os/address.ts';
import { listenUnix } from '../../src/os/listener.ts';
import { ordinarySelf } from '../lib/ordinary-self.ts';
import { assertFound, assertNothingFound, checkTree, pool } from './check-tree.ts';

const at = (path: string): string => pool({ 'listen.address': path });

void test('a good configuration: nothing is found, nothing is left untested, nothing is made', async t => {
  const tree = checkTree(t);
  const result = await tree.check({ www: at(`${tree.dir}/www.sock`) });
  assertNothingFound(result);
  assert.deepEqual(result.untested, []);
  assert.equal(existsSync(`${tree.dir}/run`), false);
});

void test('a socket, a pid file and a log in a run_dir that the start will make', async t => {
  const tree = checkTree(t);
  const main = `log.file = "${tree.dir}/run/fpm-ts.log"\n`;
  assertNothingFound(await tree.check({ www: at(`${tree.dir}/run/www.sock`) }, main));
});

void test('a directory below run_dir is not made', async t => {
  const tree = checkTree(t);
  const result = await tree.check({ www: at(`${tree.dir}/run/deep/www.sock`) });
  assertFound(tree, result, { key: 'listen.address', message: /run\/deep does not exist/ });
});

void test('a missing socket directory', async t => {
  const tree = checkTree(t);
  const result = await tree.check({ www: at('/no/such/www.sock') });
  assertFound(tree, result, { key: 'listen.address', message: /the directory \/no\/such does not exist/ });
  assert.match(result.problems[0]?.remedy ?? '', /mkdir -p \/no\/such/);
});

void test('a socket path holds 107 bytes with its temporary name', async t => {
  const tree = checkTree(t);
  const longest = 107 - TEMPORARY_SUFFIX_BYTES;
  const path = (bytes: number): string => `${tree.dir}/${'x'.repeat(bytes - tree.dir.length - 1)}`;
  assertNothingFound(await tree.check({ www: at(path(longest)) }));
  const result = await tree.check({ www: at(path(longest + 1)) });
  assertFound(tree, result, { key: 'listen.address', message: new RegExp(`is ${longest + 1} bytes long`) });
  const umlauts = `${tree.dir}/${'ü'.repeat(Math.ceil((longest - tree.dir.length) / 2))}`;
  assertFound(tree, await tree.check({ www: at(umlauts) }), { key: 'listen.address', message: /bytes long/ });
});

void test('what is no socket is an error, and stays', async t => {
  const tree = checkTree(t);
  mkdirSync(`${tree.dir}/directory.sock`);
  tree.write('file.sock', 'precious');
  symlinkSync('file.sock', `${tree.dir}/link.sock`);
  for (const [name, kind] of [
    ['directory', 'a directory'],
    ['file', 'a regular file'],
    ['link', 'a symbolic link'],
  ] as const) {
    const result = await tree.check({ www: at(`${tree.dir}/${name}.sock`) });
    assertFound(tree, result, { key: 'listen.address', message: new RegExp(`${name}.sock is ${kind}`) });
    assert.ok(lstatSync(`${tree.dir}/${name}.sock`));
  }
});

function listen(path: string): number {
  const { uid, gid } = { uid: process.geteuid?.() ?? 0, gid: process.getegid?.() ?? 0 };
  return listenUnix({ path, backlog: 1, mode: 0o600, uid, gid }).descriptor;
}

void test('a socket on which somebody listens, named with pid; its queue may be full; a stale one is nothing', async t => {
  const tree = checkTree(t);
  const path = `${tree.dir}/www.sock`;
  const descriptor = listen(path);
  // More checks than its queue has room for: the later ones find it full.
  for (let i = 0; i < 4; i++) {
    const result = await tree.check({ www: at(path) });
    assertFound(tree, result, {
      key: 'listen.address',
      message: new RegExp(`is taken: .+ \\(pid ${process.pid}\\) listens there`),
    });
  }
  closeSync(descriptor);
  assertNothingFound(await tree.check({ www: at(path) }));
});

void test('what the running supervisor itself holds is not taken', async t => {
  const tree = checkTree(t);
  const path = `${tree.dir}/www.sock`;
  const descriptor = listen(path);
  t.after(() => closeSync(descriptor));
  assertNothingFound(await tree.check({ www: at(path) }, '', { ownAddresses: new Set([path]) }));
});

void test('run_dir: no directory, or with nothing above it that we may write in', async t => {
  const tree = checkTree(t);
  const file = tree.write('file', '');
  const www = pool();
  const main = (dir: string): string => `run_dir = "${dir}"\n`;
  const found = { key: 'run_dir', file: 'fpm-ts.toml' };
  assertFound(tree, await tree.check({ www }, main(file)), {
    ...found,
    message: /file is a regular file, not a directory/,
  });
  const self = ordinarySelf(65_534, 65_534);
  const closed = await tree.check({ www: www.replace('allow_root = true\n', '') }, main('/a/b/run'), {
    self,
  });
  assertFound(tree, closed, {
    ...found,
    message: /uid 65534\) may not write in the directory \/ \(mode 0755/,
  });
  assertNothingFound(await tree.check({ www }, main(`${tree.dir}/several/levels/run`)));
});

void test('pid file: directory missing, or it is a directory itself', async t => {
  const tree = checkTree(t);
  const www = pool();
  const found = { key: 'pid_file', file: 'fpm-ts.toml' };
  const missing = await tree.check({ www }, 'pid_file = "/no/such/fpm-ts.pid"\n');
  assertFound(tree, missing, { ...found, message: /\/no\/such does not exist/ });
  const directory = await tree.check({ www }, `pid_file = "${tree.dir}"\n`);
  assertFound(tree, directory, { ...found, message: /is a directory/ });
});

void test('logs, of the supervisor and of a pool: directory missing, and no file', async t => {
  const tree = checkTree(t);
  const main = { key: 'log.file', file: 'fpm-ts.toml' };
  const missing = await tree.check({ www: pool() }, 'log.file = "/no/such/fpm-ts.log"\n');
  assertFound(tree, missing, { ...main, message: /\/no\/such does not exist/ });
  const directory = await tree.check({ www: pool() }, `log.file = "${tree.dir}"\n`);
  assertFound(tree, directory, { ...main, message: /is a directory/ });
  const ofPool = await tree.check({ www: pool({ 'log.file': '/no/such/www.log' }) });
  assertFound(tree, ofPool, { key: 'log.file', message: /\/no\/such does not exist/ });
  const good = { 'log.file': `${tree.dir}/www.log` };
  writeFileSync(good['log.file'], '');
  assertNothingFound(await tree.check({ www: pool(good) }, 'log.file = "/dev/null"\n'));
});

void test('the control socket: a file in its place would be lost, so it is an error', async t => {
  const tree = checkTree(t);
  const path = tree.write('control.sock', 'precious');
  const result = await tree.check({ www: pool() }, `control.socket = "${path}"\n`);
  assertFound(tree, result, { key: 'control.socket', file: 'fpm-ts.toml', message: /is a regular file/ });
});

void test('the control socket of the supervisor that runs is not a conflict, but a pool may not have it', async t => {
  const tree = checkTree(t);
  const path = await listenAsControl(t, tree.dir);
  assertNothingFound(await tree.check({ www: pool() }, `control.socket = "${path}"\n`));
  const other = join(tree.dir, 'other.sock');
  const result = await tree.check({ www: at(other) }, `control.socket = "${other}"\n`);
  assertFound(tree, result, { key: 'listen.address', message: /is the control socket of fpm-ts itself/ });
});

void test('a run_dir that is a link is called one', async t => {
  const tree = checkTree(t);
  symlinkSync(tree.dir, `${tree.dir}/run`);
  const result = await tree.check({ www: pool() });
  const message = /\/run is a symbolic link, not a directory$/;
  assertFound(tree, result, { key: 'run_dir', file: 'fpm-ts.toml', message });
});

void test('files of fpm-ts itself are for nothing else', async t => {
  const tree = checkTree(t);
  const pidFile = `${tree.dir}/run/fpm-ts.pid`;
  const isPidFile = /fpm-ts\.pid is the pid file of fpm-ts itself$/;
  const listen = await tree.check({ www: at(pidFile) });
  assertFound(tree, listen, { key: 'listen.address', message: isPidFile });
  const poolLog = await tree.check({ www: pool({ 'log.file': pidFile }) });
  assertFound(tree, poolLog, { key: 'log.file', message: isPidFile });
  const log = { key: 'log.file', file: 'fpm-ts.toml' };
  const mainLog = await tree.check({ www: pool() }, `log.file = "${pidFile}"\nrun_dir = "${tree.dir}/run"\n`);
  assertFound(tree, mainLog, { ...log, message: isPidFile });
  const shared = `log.file = "${tree.dir}/all.log"\n`;
  const logs = await tree.check({ www: pool({ 'log.file': `${tree.dir}/all.log` }) }, shared);
  assertNothingFound(logs);
  const socket = await tree.check({ www: at(`${tree.dir}/all.log`) }, shared);
  assertFound(tree, socket, { key: 'listen.address', message: /is the log of fpm-ts itself/ });
});

async function listenAsControl(t: TestContext, dir: string): Promise<string> {
  const path = join(dir, 'control.sock');
  const server = createServer().listen(path);
  t.after(() => server.close());
  await once(server, 'listening');
  return path;
}
