/**
 * What check, start and reload say of a path that a tenant leads to where it is closed to him: the same, whatever is
 * there; and no remedy that opens another tenant's place to him, or makes or gives away something in it.
 */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { lchownSync, rmSync, symlinkSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { loadConfig } from '../../src/config/load.ts';
import { workerSpec } from '../../src/worker/command.ts';
import { poolIdentity } from '../../src/worker/identity.ts';
import type { PoolKeys } from '../lib/pools.ts';
import { type Scope, suite } from '../lib/suite.ts';
import { ALICE, checker, directory, listening, MALLORY, own, poolOfUser, write } from '../lib/tenants.ts';

/** What may be there, and mallory may not know. */
const THINGS: Readonly<Record<string, (path: string, scope: Scope) => unknown>> = {
  nothing: () => {},
  'a file': path => write(path, 'A=1\n', ALICE, 0o644),
  'a private file': path => write(path, '#!/no/interpreter\n', ALICE, 0o600),
  'a program': path => write(path, '#!/bin/sh\n', ALICE, 0o755),
  'a directory': path => directory(path, ALICE),
  'a directory with all of it': path => {
    directory(path, ALICE);
    for (const name of ['app', 'x.sock']) write(join(path, name), '#!/bin/sh\n', ALICE, 0o755);
  },
  'a link that leads nowhere': path => symlinkSync('nowhere', path),
  'a pipe': path => execFileSync('mkfifo', [path]),
  'a socket on which somebody listens': (path, scope) => listening(path, scope),
};

suite('root/tenant-view: what is in a closed home', { root: true }, async scope => {
  const check = checker(scope);
  const closed = directory(join(scope.dir, 'alice'), ALICE, 0o700);
  const home = directory(join(scope.dir, 'mallory'), MALLORY);
  const target = join(closed, 'thing');
  const link = join(home, 'thing');
  symlinkSync(target, link);
  symlinkSync(closed, join(home, 'way'));
  const through = join(home, 'way', 'thing');

  const KEYS: Readonly<Record<string, PoolKeys>> = {
    'command, itself a link': { command: [link] },
    'command through one': { command: [through] },
    'command in what is a link': { command: [join(link, 'app')] },
    'the interpreter of a script': { command: [join(home, 'script')] },
    PATH: { command: ['app'], 'env.PATH': `${link}:${dirname(through)}` },
    'env_files, itself a link': { env_files: [link] },
    'env_files through one': { env_files: [through] },
    chdir: { chdir: through },
    document_root: { document_root: through },
    chroot: { chroot: link, command: ['/app'] },
    'chroot through one': { chroot: through, command: ['/app'] },
    'listen.address through one': { 'listen.address': through },
    'listen.address in what is a link': { 'listen.address': join(link, 'x.sock') },
    'log.file through one': { 'log.file': through },
    'log.file in what is a link': { 'log.file': join(link, 'x.sock') },
    'log.file, itself a link': { 'log.file': link },
  };
  write(join(home, 'script'), `#!${through}\n`, MALLORY, 0o755);

  const said = new Map<string, Map<string, string>>();
  const remedies = new Map<string, string>();
  for (const [thing, make] of Object.entries(THINGS)) {
    await make(target, scope);
    for (const [name, keys] of Object.entries(KEYS)) {
      const { pools, all, root } = await check({ mallory: poolOfUser(MALLORY, keys) });
      const text = `${pools.get('mallory') ?? 'nothing'}\n${all}`;
      remedies.set(name, `${remedies.get(name) ?? ''}${thing}: ${root}\n`);
      said.set(name, new Map(said.get(name)).set(thing, text));
    }
    const spec = (): string => {
      const config = loadConfig({ file: join(scope.dir, 'fpm-ts.toml'), env: {}, uid: 0 }).config?.pools[0];
      assert.ok(config !== undefined);
      try {
        return workerSpec({ ...config, command: [through] }, poolIdentity(config), null, {}).path;
      } catch (error) {
        return (error as Error).message;
      }
    };
    said.set('a worker’s start', new Map(said.get('a worker’s start')).set(thing, spec()));
    rmSync(target, { recursive: true, force: true });
  }
  for (const [name, texts] of said)
    await scope.test(`${name}: the same is said, whatever is there`, () => {
      const [first = ''] = texts.values();
      assert.match(
        first,
        /may not enter|with the rights of|symbolic link|does not get to|there is no program/,
      );
      for (const [thing, text] of texts) assert.equal(text, first, thing);
    });
  for (const [name, text] of remedies)
    await scope.test(`${name}: no remedy touches what is there`, () => {
      assert.doesNotMatch(text, /setfacl|chmod|chown|mkdir|create /);
    });
});

suite('root/tenant-view: remedies', { root: true }, async scope => {
  const check = checker(scope);
  const home = directory(join(scope.dir, 'mallory'), MALLORY);
  const closed = directory(join(home, 'closed'), 0, 0o700);

  await scope.test('the link is named with its owner', async () => {
    symlinkSync('closed', join(home, 'link'));
    own(home, MALLORY, 0o755);
    lchownSync(join(home, 'link'), MALLORY, MALLORY);
    const { pools } = await check({ mallory: poolOfUser(MALLORY, { chdir: join(home, 'link/site') }) });
    assert.match(
      pools.get('mallory') ?? '',
      new RegExp(
        `the symbolic link ${home}/link of uid ${MALLORY} leads there: correct the link, or ask its`,
      ),
    );
  });

  await scope.test('without links, and through a link of root’s, it is what it was', async () => {
    symlinkSync(closed, join(scope.dir, 'roots'));
    for (const path of [closed, join(scope.dir, 'roots')]) {
      const { pools } = await check({ mallory: poolOfUser(MALLORY, { chdir: join(path, 'site') }) });
      assert.match(pools.get('mallory') ?? '', new RegExp(`setfacl -m u:${MALLORY}:x ${closed}`));
    }
  });

  await scope.test('inside a jail as well', async () => {
    const jail = directory(join(scope.dir, 'jail'), 0);
    directory(join(jail, 'srv'), MALLORY);
    symlinkSync('/etc/site', join(jail, 'srv/link'));
    write(join(jail, 'app'), '\x7fELF', 0, 0o755);
    const { pools } = await check({
      mallory: poolOfUser(MALLORY, { chroot: jail, command: ['/app'], chdir: '/srv/link' }),
    });
    assert.match(
      pools.get('mallory') ?? '',
      new RegExp(`symbolic link ${jail}/srv/link of root leads there`),
    );
    assert.doesNotMatch(pools.get('mallory') ?? '', /create /);
  });

  await scope.test('a pipe as the program: a worker’s start says what it is', async () => {
    const program = join(home, 'app');
    execFileSync('mkfifo', ['-m', '0755', program]);
    await check({ mallory: poolOfUser(MALLORY, { command: [program] }) });
    const { config } = loadConfig({ file: join(scope.dir, 'fpm-ts.toml'), env: {}, uid: 0 });
    const pool = config?.pools[0];
    assert.ok(pool !== undefined);
    assert.throws(
      () => workerSpec(pool, poolIdentity(pool), null, {}),
      new Error(`command ${program} cannot be started: it is a named pipe, not a program`),
    );
  });
});
