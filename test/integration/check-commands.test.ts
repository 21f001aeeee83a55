/** The command, its interpreter and its directories, as whoever runs the tests; other users are root/'s. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, symlinkSync } from 'node:fs';
import { test } from 'node:test';
import { ordinarySelf } from '../lib/ordinary-self.ts';
import { assertFound, assertNothingFound, checkTree, pool } from './check-tree.ts';

const SCRIPT = '#!/bin/sh\n';
const found = { key: 'command' };

void test('a command that does not exist: the part that is missing is named', async t => {
  const tree = checkTree(t);
  const check = (path: string) => tree.check({ www: pool({ command: [path] }) });
  const missing = await check(`${tree.dir}/no-such`);
  assertFound(tree, missing, { ...found, message: /^[^ ]+\/no-such does not exist$/ });
  const deep = await check('/opt/no/such/program');
  assertFound(tree, deep, { ...found, message: /does not exist: there is no \/opt\/no$/ });
  const through = await check('/bin/cat/program');
  assertFound(tree, through, { ...found, message: /\/cat is not a directory$/ });
});

void test('a command that is a directory, no program, a dangling link or a loop', async t => {
  const tree = checkTree(t);
  symlinkSync('nowhere', `${tree.dir}/dangling`);
  symlinkSync('loop', `${tree.dir}/loop`);
  const check = (path: string) => tree.check({ www: pool({ command: [path] }) });
  assertFound(tree, await check(tree.dir), { ...found, message: /is a directory$/ });
  assertFound(tree, await check('/dev/null'), { ...found, message: /is a device, not a program$/ });
  assertFound(tree, await check(`${tree.dir}/dangling`), { ...found, message: /there is no .*\/nowhere$/ });
  assertFound(tree, await check(`${tree.dir}/loop`), { ...found, message: /leads back to itself/ });
});

void test('a file that nobody may execute', async t => {
  const tree = checkTree(t);
  const file = tree.write('program', SCRIPT, 0o644);
  const result = await tree.check({ www: pool({ command: [file] }) });
  assertFound(tree, result, { ...found, message: /may not execute .*program \(mode 0644, of / });
  chmodSync(file, 0o755);
  assertNothingFound(await tree.check({ www: pool({ command: [file] }) }));
});

void test('a file that only a shell would run is no program, and to make one executable is no advice', async t => {
  const tree = checkTree(t);
  const message = /is no program: it is neither a binary nor does it begin with #!$/;
  for (const text of ['echo hello\n', '', ' #!/bin/sh\n', '\x7fEL']) {
    const file = tree.write('program', text, 0o755);
    assertFound(tree, await tree.check({ www: pool({ command: [file] }) }), { ...found, message });
  }
  const interpreter = tree.write('interpreter', 'echo hello\n', 0o755);
  const script = tree.write('script', `#!${interpreter}\n`, 0o755);
  assertFound(tree, await tree.check({ www: pool({ command: [script] }) }), { ...found, message });
  const [passwd] = (await tree.check({ www: pool({ command: ['/etc/passwd'] }) })).problems;
  assert.match(passwd?.message ?? '', /may not execute \/etc\/passwd/);
  assert.equal(passwd?.remedy, 'it is no program: correct the path');
});

void test('a name is looked for in the PATH of the worker', async t => {
  const tree = checkTree(t);
  tree.write('bin/my-worker', SCRIPT, 0o755);
  const named = { command: ['my-worker'] };
  assertNothingFound(await tree.check({ www: pool({ command: ['cat'] }) }));
  const missing = await tree.check({ www: pool(named) });
  assertFound(tree, missing, { ...found, message: /no program my-worker .* in \/usr\/local\/sbin:/ });
  const PATH = `/no/such:${tree.dir}/bin`;
  assertNothingFound(await tree.check({ www: pool({ ...named, 'env.PATH': PATH }) }));
  const passed = pool({ ...named, pass_env: ['PATH'] });
  assertNothingFound(await tree.check({ www: passed }, '', { env: { PATH } }));
  assertFound(tree, await tree.check({ www: pool(named) }, '', { env: { PATH } }), {
    ...found,
    message: /no program my-worker/,
  });
});

void test('execvp passes over what it may not execute, and the check says why when there is nothing else', async t => {
  const tree = checkTree(t);
  tree.write('one/worker', SCRIPT, 0o644);
  tree.write('two/worker', SCRIPT, 0o755);
  const www = (path: string): string => pool({ command: ['worker'], 'env.PATH': path });
  assertNothingFound(await tree.check({ www: www(`${tree.dir}/one:${tree.dir}/two`) }));
  const result = await tree.check({ www: www(`${tree.dir}/one`) });
  assertFound(tree, result, { ...found, message: /may not execute .*one\/worker/ });
});

void test('a script: interpreter missing, not executable, through env, with Windows line ends', async t => {
  const tree = checkTree(t);
  const plain = tree.write('plain', '', 0o644);
  const check = (text: string) => tree.check({ www: pool({ command: [tree.write('script', text, 0o755)] }) });
  for (const [text, message] of [
    ['#!/no/such/python\n', /needs the interpreter \/no\/such\/python: .* there is no \/no$/],
    [`#! ${plain} -x\n`, /needs the interpreter .*plain: .* may not execute/],
    ['#!/usr/bin/env no-such-python\n', /needs the interpreter no-such-python: there is no program/],
    ['#!/usr/bin/env -S no-such-python -u\n', /needs the interpreter no-such-python/],
    ['#!/usr/bin/env A=1 no-such-python\n', /needs the interpreter no-such-python/],
    ['#!/bin/sh\r\nexit\r\n', /has Windows line ends/],
  ] as const) {
    assertFound(tree, await check(text), { ...found, message });
  }
  for (const text of ['#!/bin/sh', '#!/usr/bin/env sh\n', '#!/usr/bin/env -S sh -e\n']) {
    assertNothingFound(await check(text));
  }
});

void test('a script whose interpreter is a script that runs through itself', async t => {
  const tree = checkTree(t);
  const file = tree.write('script', `#!${tree.dir}/script\n`, 0o755);
  const result = await tree.check({ www: pool({ command: [file] }) });
  assertFound(tree, result, { ...found, message: /needs too many interpreters/ });
});

void test('as many interpreters and links in a row as the kernel follows, and not one more', async t => {
  const tree = checkTree(t);
  tree.write('script0', SCRIPT, 0o755);
  symlinkSync('script0', `${tree.dir}/link1`);
  for (let i = 1; i <= 8; i++) tree.write(`script${i}`, `#!${tree.dir}/script${i - 1}\n`, 0o755);
  for (let i = 2; i <= 42; i++) symlinkSync(`link${i - 1}`, `${tree.dir}/link${i}`);
  const refused: string[] = [];
  for (const name of [
    'script1',
    'script2',
    'script3',
    'script4',
    'script5',
    'script6',
    'script8',
    'link39',
    'link40',
    'link41',
    'link42',
  ]) {
    const path = `${tree.dir}/${name}`;
    const { error } = spawnSync(path, { stdio: 'ignore' });
    const { problems } = await tree.check({ www: pool({ command: [path] }) });
    assert.equal(problems.length > 0, error !== undefined, `${name}: ${error?.message ?? 'runs'}`);
    if (error !== undefined) refused.push(name);
  }
  assert.ok(refused.includes('script8') && refused.includes('link42') && refused.length < 8, refused.join());
});

void test('chdir: missing, or no directory', async t => {
  const tree = checkTree(t);
  const check = (chdir: string) => tree.check({ www: pool({ chdir }) });
  assertFound(tree, await check('/no/such'), { key: 'chdir', message: /\/no\/such does not exist/ });
  assertFound(tree, await check('/bin/cat'), { key: 'chdir', message: /is not a directory/ });
  assertNothingFound(await check(tree.dir));
});

void test('a directory that is closed to the user, whether it is entered or passed through', async t => {
  const tree = checkTree(t);
  mkdirSync(`${tree.dir}/closed`, 0o600);
  const self = ordinarySelf(65_534, 65_534);
  const check = (keys: Parameters<typeof pool>[0]) =>
    tree.check({ www: pool(keys).replace('allow_root = true\n', '') }, `run_dir = "/tmp/fpm-ts-check"\n`, {
      self,
    });
  const chdir = await check({ chdir: `${tree.dir}/closed` });
  assertFound(tree, chdir, { key: 'chdir', message: /may not enter .*closed \(mode 0600/ });
  const command = await check({ command: [`${tree.dir}/closed/worker`] });
  assertFound(tree, command, { ...found, message: /does not get to .*closed \(mode 0600/ });
});

void test('document_root that is missing is a notice only', async t => {
  const tree = checkTree(t);
  const result = await tree.check({ www: pool({ document_root: '/no/such' }) });
  const severity = 'notice';
  assertFound(tree, result, { key: 'document_root', severity, message: /there is no \/no\/such/ });
  assertNothingFound(await tree.check({ www: pool({ document_root: tree.dir }) }));
});

void test('every finding of every pool comes at once, by file and line', async t => {
  const tree = checkTree(t);
  const bad = pool({ command: ['/no/such'], 'listen.address': '198.51.100.7:9000', chdir: '/no/such' });
  const result = await tree.check({ a: bad, b: bad }, 'process.max = 1\n');
  const file = (name: string): string => `${tree.dir}/${name}`;
  assert.deepEqual(
    result.problems.map(({ file: path, key }) => [path, key]),
    [
      [file('fpm-ts.toml'), 'process.max'],
      ...['a', 'b'].flatMap(name =>
        ['command', 'listen.address', ...(name === 'b' ? ['listen.address'] : []), 'chdir'].map(key => [
          file(`pools.d/${name}.toml`),
          key,
        ]),
      ),
    ],
  );
});
