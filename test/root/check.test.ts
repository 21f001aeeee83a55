/** What only root meets: other users, jails, directories of others, capabilities that root lacks. */
import assert from 'node:assert/strict';
import { chmodSync, chownSync, closeSync, copyFileSync, mkdirSync, rmSync, symlinkSync } from 'node:fs';
import { currentSelf, type Self } from '../../src/config/check/self.ts';
import { listenUnix } from '../../src/os/listener.ts';
import {
  assertFound,
  assertNothingFound,
  type CheckTree,
  checkTree,
  pool,
} from '../integration/check-tree.ts';
import { ordinarySelf } from '../lib/ordinary-self.ts';
import { type Scope, suite } from '../lib/suite.ts';

const USER = 'nobody';
const UID = 65_534;
const found = { key: 'command' };

type Keys = Parameters<typeof pool>[0];
const as = (keys: Keys): string => pool({ user: USER, ...keys });

/** A directory that only root may enter, with a program in it, as a Node under /root/.nvm is. */
function nodeOfRoot(tree: CheckTree): string {
  const node = tree.write('root/.nvm/node', '#!/bin/sh\n', 0o755);
  chmodSync(`${tree.dir}/root`, 0o700);
  return node;
}

async function identities(scope: Scope): Promise<void> {
  await scope.test('unknown user and group', async t => {
    const tree = checkTree(t);
    const user = await tree.check({ www: pool({ user: 'no-such-user' }) });
    assertFound(tree, user, { key: 'user', message: /there is no user no-such-user/ });
    assert.match(user.problems[0]?.remedy ?? '', /or create it: useradd --system no-such-user$/);
    const slip = await tree.check({ www: pool({ user: '/root' }) });
    assert.equal(slip.problems[0]?.remedy, 'choose a user that exists');
    const program = await tree.check({ www: as({ command: ['/root/bin/program'] }) });
    assert.match(program.problems[0]?.remedy ?? '', /^install it where nobody can get, /);
    assert.equal(user.untested[0]?.what, 'pool www: command and directories');
    const group = await tree.check({ www: as({ group: 'no-such-group' }) });
    assertFound(tree, group, { key: 'group', message: /there is no group no-such-group/ });
  });

  await scope.test('a numeric uid is somebody, and without an entry needs a group', async t => {
    const tree = checkTree(t);
    assertNothingFound(await tree.check({ www: pool({ user: String(UID) }) }));
    const alone = await tree.check({ www: pool({ user: '4000000' }) });
    assertFound(tree, alone, { key: 'user', message: /uid 4000000 has no entry, so no group of its own/ });
    assertNothingFound(await tree.check({ www: pool({ user: '4000000', group: '4000000' }) }));
  });

  await scope.test('root by another spelling needs allow_root', async t => {
    const tree = checkTree(t);
    const result = await tree.check({ www: pool({ user: '00' }) });
    assertFound(tree, result, { key: 'user', message: /is root, and workers would run as root/ });
    assertNothingFound(await tree.check({ www: pool({ user: '00', allow_root: true }) }));
  });

  await scope.test('root without the capability to become somebody', async t => {
    const tree = checkTree(t);
    const self: Self = { ...currentSelf(), capabilities: new Set(['setgid']) };
    const result = await tree.check({ www: as({}) }, '', { self });
    assertFound(tree, result, { key: 'user', message: /root without CAP_SETUID/ });
  });
}

async function helpers(scope: Scope): Promise<void> {
  await scope.test('another user needs setpriv, a jail chroot', async t => {
    const tree = checkTree(t);
    const none = { helperPath: '/no/such' };
    const user = await tree.check({ www: as({}) }, '', none);
    assertFound(tree, user, { key: 'user', message: /needs the program setpriv/ });
    const chroot = await tree.check({ www: as({ chroot: '/' }) }, '', none);
    assertFound(tree, chroot, { key: 'chroot', message: /needs the program chroot/ });
    assertNothingFound(await tree.check({ www: pool({ allow_root: true }) }, '', none));
  });
}

async function commands(scope: Scope): Promise<void> {
  await scope.test('a Node that only root can reach: the directory that is closed is named', async t => {
    const tree = checkTree(t);
    const node = nodeOfRoot(tree);
    const result = await tree.check({ www: as({ command: [node] }) });
    assertFound(tree, result, {
      ...found,
      message: /nobody does not get to .*: it may not enter .*\/root \(mode 0700, of root:root\)/,
    });
    assertNothingFound(await tree.check({ www: pool({ command: [node], allow_root: true }) }));
  });

  await scope.test('through a link, and as the interpreter of a script', async t => {
    const tree = checkTree(t);
    const node = nodeOfRoot(tree);
    symlinkSync(node, `${tree.dir}/node`);
    const message = /may not enter .*\/root \(mode 0700/;
    assertFound(tree, await tree.check({ www: as({ command: [`${tree.dir}/node`] }) }), {
      ...found,
      message,
    });
    const script = tree.write('script', `#!${tree.dir}/node\n`, 0o755);
    assertFound(tree, await tree.check({ www: as({ command: [script] }) }), { ...found, message });
  });

  await scope.test('a program that another group may execute, and a script that cannot be read', async t => {
    const tree = checkTree(t);
    const program = tree.write('program', '#!/bin/sh\n', 0o750);
    const closed = await tree.check({ www: as({ command: [program] }) });
    assertFound(tree, closed, {
      ...found,
      message: /nobody may not execute .*program \(mode 0750, of root:root\)/,
    });
    chownSync(program, 0, UID);
    assertNothingFound(await tree.check({ www: as({ command: [program], group: String(UID) }) }));
    chmodSync(program, 0o711);
    const unreadable = await tree.check({ www: as({ command: [program], group: '4000000' }) });
    assertFound(tree, unreadable, { ...found, message: /nobody may not read .*program/ });
  });

  await scope.test('a chdir that the user cannot enter', async t => {
    const tree = checkTree(t);
    mkdirSync(`${tree.dir}/mine`, 0o700);
    const result = await tree.check({ www: as({ chdir: `${tree.dir}/mine` }) });
    assertFound(tree, result, { key: 'chdir', message: /nobody may not enter .*mine \(mode 0700/ });
  });
}

async function jails(scope: Scope): Promise<void> {
  await scope.test('a chroot that is missing or no directory', async t => {
    const tree = checkTree(t);
    const check = (chroot: string) => tree.check({ www: as({ chroot }) });
    assertFound(tree, await check('/no/such'), { key: 'chroot', message: /\/no\/such does not exist/ });
    assertFound(tree, await check('/etc/passwd'), { key: 'chroot', message: /is not a directory/ });
  });

  await scope.test('inside, everything is looked for inside: command, links, interpreter, chdir', async t => {
    const tree = checkTree(t);
    const jail = `${tree.dir}/jail`;
    tree.write('jail/bin/worker', '#!/bin/interpreter\n', 0o755);
    const check = (keys: Keys) => tree.check({ www: as({ chroot: jail, ...keys }) });
    const outside = await check({ command: ['/bin/cat'] });
    assertFound(tree, outside, {
      ...found,
      message: /\/bin\/cat does not exist: there is no .*\/jail\/bin\/cat/,
    });
    const interpreter = await check({ command: ['/bin/worker'] });
    assertFound(tree, interpreter, {
      ...found,
      message: /needs the interpreter \/bin\/interpreter: .*jail\/bin\/interpreter/,
    });
    copyFileSync('/bin/true', `${jail}/bin/interpreter`);
    assertNothingFound(await check({ command: ['/bin/worker'] }));
    assertNothingFound(await check({ command: ['worker'] }));
    symlinkSync('/bin/interpreter', `${jail}/bin/absolute`);
    symlinkSync('../../../../bin/interpreter', `${jail}/bin/climbing`);
    for (const name of ['absolute', 'climbing'])
      assertNothingFound(await check({ command: [`/bin/${name}`] }));
  });

  await scope.test('chdir inside a jail is done by the shell inside', async t => {
    const tree = checkTree(t);
    copyFileSync('/bin/true', tree.write('jail/bin/worker', '', 0o755));
    mkdirSync(`${tree.dir}/jail/srv`);
    const www = as({ command: ['/bin/worker'], chroot: `${tree.dir}/jail`, chdir: '/srv' });
    const result = await tree.check({ www });
    assertFound(tree, result, { key: 'chdir', message: /nobody cannot execute .*\/jail\/bin\/sh/ });
    copyFileSync('/bin/true', tree.write('jail/bin/sh', '', 0o755));
    assertNothingFound(await tree.check({ www }));
    assertFound(tree, await tree.check({ www: www.replace('"/srv"', '"/no"') }), {
      key: 'chdir',
      message: /\/no does not exist/,
    });
  });
}

async function jailedVariables(scope: Scope): Promise<void> {
  await scope.test(
    'a jail whose workers get variables needs GNU env inside; one static binary does without',
    async t => {
      const tree = checkTree(t);
      copyFileSync('/bin/true', tree.write('jail/bin/worker', '', 0o755));
      const jail = { command: ['/bin/worker'], chroot: `${tree.dir}/jail` };
      assertNothingFound(await tree.check({ www: as(jail) }));
      const check = () => tree.check({ www: as({ ...jail, 'env.APP': 'x' }) });
      const missing = { key: 'env', message: /APP is set by `env -S`.* no .*jail\/usr\/bin\/env of GNU/ };
      assertFound(tree, await check(), missing);
      copyFileSync('/bin/true', tree.write('jail/bin/busybox', '', 0o755));
      mkdirSync(`${tree.dir}/jail/usr/bin`, { recursive: true });
      symlinkSync('/bin/busybox', `${tree.dir}/jail/usr/bin/env`);
      assertFound(tree, await check(), missing);
      rmSync(`${tree.dir}/jail/usr/bin/env`);
      copyFileSync('/bin/true', tree.write('jail/usr/bin/env', '', 0o755));
      assertNothingFound(await check());
    },
  );

  await scope.test('env(1) would take a program with an equals sign in its path for a variable', async t => {
    const tree = checkTree(t);
    const command = [tree.write('a=b/worker', '#!/bin/sh\n', 0o755)];
    assertNothingFound(await tree.check({ www: as({ command }) }));
    const result = await tree.check({ www: as({ command, 'env.APP': 'x' }) });
    assertFound(tree, result, { key: 'command', message: /takes .*a=b\/worker for a variable/ });
  });
}

async function places(scope: Scope): Promise<void> {
  // What root finds about an ordinary user's start, which it can act out without becoming one.
  const self = ordinarySelf(UID, UID);
  const check = (tree: CheckTree, address: string) =>
    tree.check(
      { www: pool({ 'listen.address': address, user: USER }) },
      'run_dir = "/tmp/fpm-ts-check-run"\n',
      { self },
    );

  await scope.test('a socket directory that is not writable', async t => {
    const tree = checkTree(t);
    const result = await check(tree, `${tree.dir}/www.sock`);
    assertFound(tree, result, {
      key: 'listen.address',
      message: /\(uid 65534\) may not write in the directory .* \(mode 0755, of root:root\)/,
    });
    chownSync(tree.dir, UID, UID);
    assertNothingFound(await check(tree, `${tree.dir}/www.sock`));
  });

  await scope.test('in a sticky directory, a stale socket is replaced by its owner only', async t => {
    const tree = checkTree(t);
    chmodSync(tree.dir, 0o1777);
    const path = `${tree.dir}/www.sock`;
    closeSync(listenUnix({ path, backlog: 1, mode: 0o666, uid: 0, gid: 0 }).descriptor);
    const result = await check(tree, path);
    assertFound(tree, result, {
      key: 'listen.address',
      message: /belongs to somebody else .* who alone may replace it/,
    });
    chownSync(path, UID, UID);
    assertNothingFound(await check(tree, path));
  });

  await scope.test('a run_dir of somebody else', async t => {
    const tree = checkTree(t);
    mkdirSync(`${tree.dir}/run`);
    chownSync(`${tree.dir}/run`, UID, UID);
    const result = await tree.check({ www: as({}) });
    assertFound(tree, result, {
      key: 'run_dir',
      file: 'fpm-ts.toml',
      message: /belongs to somebody else \(mode 0755, of nobody:/,
    });
  });

  await scope.test('files that exist and are not ours to write', async t => {
    const tree = checkTree(t);
    chmodSync(tree.dir, 0o1777);
    const log = tree.write('www.log', '', 0o644);
    const pidFile = tree.write('fpm-ts.pid', '', 0o644);
    const www = pool({ user: USER, 'log.file': log });
    const result = await tree.check({ www }, `pid_file = "${pidFile}"\nrun_dir = "/tmp/fpm-ts-check-run"\n`, {
      self,
    });
    assertFound(
      tree,
      result,
      {
        key: 'pid_file',
        file: 'fpm-ts.toml',
        message: /may not write .*fpm-ts\.pid \(mode 0644, of root:root\)/,
      },
      { key: 'log.file', message: /may not write .*www\.log/ },
    );
  });
}

async function ownPlaces(scope: Scope): Promise<void> {
  await scope.test('a run directory and a pid file that another user could exchange', async t => {
    const tree = checkTree(t);
    mkdirSync(`${tree.dir}/run`);
    chmodSync(`${tree.dir}/run`, 0o1777);
    const open = await tree.check({ www: pool({ allow_root: true }) });
    const global = { file: 'fpm-ts.toml' };
    assertFound(tree, open, { ...global, key: 'run_dir', message: /other users may write in .*run/ });
    chmodSync(`${tree.dir}/run`, 0o755);
    mkdirSync(`${tree.dir}/home`);
    chownSync(`${tree.dir}/home`, UID, UID);
    const main = `pid_file = "${tree.dir}/home/app.pid"\nrun_dir = "${tree.dir}/run"\n`;
    const check = () => tree.check({ www: pool({ allow_root: true }) }, main);
    const exchangeable = { ...global, key: 'pid_file', message: /other users may write in the directory of/ };
    assertFound(tree, await check(), exchangeable);
    chownSync(`${tree.dir}/home`, 0, 0);
    chmodSync(`${tree.dir}/home`, 0o1777);
    assertNothingFound(await check());
    chownSync(tree.write('home/app.pid', '', 0o644), UID, UID);
    assertFound(tree, await check(), { ...global, key: 'pid_file', message: /belongs to somebody else/ });
  });
}

suite('root/check', { root: true }, async scope => {
  await identities(scope);
  await helpers(scope);
  await commands(scope);
  await jails(scope);
  await jailedVariables(scope);
  await places(scope);
  await ownPlaces(scope);
});
