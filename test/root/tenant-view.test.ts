/**
 * What check, start and reload say of a path that a tenant leads to where it is closed to him: the same, whatever is
 * there; and no remedy that opens another tenant's place to him, or makes or gives away something in it.
 */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { chmodSync, chownSync, lchownSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { dirname, join } from 'node:path';
import { checkSystem } from '../../src/config/check/check.ts';
import { loadConfig } from '../../src/config/load.ts';
import { describeObstacle, formatProblem, obstaclesOf, partOf } from '../../src/config/problems.ts';
import { workerSpec } from '../../src/worker/command.ts';
import { poolIdentity } from '../../src/worker/identity.ts';
import { curl } from '../lib/curl.ts';
import { startDaemon } from '../lib/daemon.ts';
import { startExchange } from '../lib/exchange-loop.ts';
import { helloPools, type PoolKeys, poolText } from '../lib/pools.ts';
import { poolOf } from '../lib/status.ts';
import { type Scope, suite } from '../lib/suite.ts';

const [ALICE, MALLORY, SHARED] = [4401, 4402, 4403];
const AS_MALLORY = ['setpriv', `--reuid=${MALLORY}`, `--regid=${MALLORY}`, '--clear-groups'];

function own(path: string, uid: number, mode: number, gid = uid): string {
  chownSync(path, uid, gid);
  chmodSync(path, mode);
  return path;
}

function directory(path: string, uid: number, mode = 0o755, gid = uid): string {
  mkdirSync(path);
  return own(path, uid, mode, gid);
}

function write(path: string, text: string, uid: number, mode: number): void {
  writeFileSync(path, text);
  own(path, uid, mode);
}

function poolOfUser(uid: number, keys: PoolKeys = {}): string {
  return poolText({
    command: ['/bin/sleep', '1000'],
    protocol: 'other',
    'listen.address': 'none',
    'pm.max_children': 1,
    user: String(uid),
    group: String(uid),
    ...keys,
  });
}

interface Said {
  /** By pool, what its user reads, and the remedies in it. */
  readonly pools: ReadonlyMap<string, string>;
  /** What concerns everybody, as the users of pools read it. */
  readonly all: string;
  /** What `fpm-ts check` prints. */
  readonly root: string;
}

/** Checks pool files that are written into the scope's directory. */
function checker(scope: Scope): (pools: Readonly<Record<string, string>>) => Promise<Said> {
  const file = join(scope.dir, 'fpm-ts.toml');
  const poolsDir = join(scope.dir, 'pools.d');
  writeFileSync(file, `run_dir = "${scope.dir}/run"\n`);
  return async pools => {
    rmSync(poolsDir, { recursive: true, force: true });
    mkdirSync(poolsDir);
    for (const [name, text] of Object.entries(pools)) writeFileSync(join(poolsDir, `${name}.toml`), text);
    const { config, problems, obstacles, sources } = loadConfig({ file, env: {}, uid: 0 });
    assert.ok(config !== null, problems.map(formatProblem).join('\n'));
    const found = await checkSystem(config, sources, { ownAddresses: new Set(), env: {} });
    const all = obstaclesOf([...obstacles, ...found.obstacles]);
    return {
      pools: new Map([...all].map(([name, errors]) => [name, describeObstacle(errors)])),
      all: found.problems.map(it => partOf(it).text).join('\n'),
      root: [...found.problems, ...[...all.values()].flat()].map(formatProblem).join('\n'),
    };
  };
}

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

async function listening(path: string, scope: Scope): Promise<void> {
  const server = createServer();
  await new Promise<void>(resolve => server.listen(path, resolve));
  scope.defer(() => new Promise<void>(resolve => server.close(() => resolve())));
}

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

suite('root/tenant-view: two pools at one place', { root: true, needs: ['setpriv'] }, async scope => {
  const check = checker(scope);
  const alice = directory(join(scope.dir, 'alice'), ALICE);
  const home = directory(join(scope.dir, 'mallory'), MALLORY);
  // Where each of them has rights, and others as well: whose path it is cannot be told by these.
  const group = directory(join(scope.dir, 'group'), 0, 0o2775, SHARED);
  const hers = directory(join(group, 'hers'), ALICE, 0o2775, SHARED);
  const his = directory(join(group, 'his'), MALLORY, 0o2775, SHARED);
  const open = directory(join(scope.dir, 'open'), 0, 0o1777);
  const inOpen = directory(join(open, 'hers'), ALICE, 0o777);
  const releases = directory(join(alice, 'releases'), ALICE);
  directory(join(releases, '1'), ALICE, 0o2775, SHARED);
  symlinkSync('releases/1', join(alice, 'current'));
  symlinkSync(join(open, 'hers'), join(open, 'link'));
  lchownSync(join(open, 'link'), MALLORY, MALLORY);

  /** Alice's pool is `hers`, and his is named to come before it or after it. */
  const fails = async (name: string, path: string, his: string): Promise<Said> => {
    const keys = (at: string) => ({ 'listen.address': join(at, 'x.sock'), group: String(SHARED) });
    const said = await check({
      hers: poolOfUser(ALICE, keys(path)),
      [name]: poolOfUser(MALLORY, keys(his)),
    });
    assert.equal(said.all, '');
    assert.deepEqual([...said.pools.keys()], [name]);
    assert.match(said.root, /x\.sock is also pool hers's \(.*hers\.toml:\d+\)/);
    assert.doesNotMatch(said.pools.get(name) ?? '', /hers\.toml|pool hers|alice/);
    assert.match(said.pools.get(name) ?? '', /x\.sock belongs to another pool/);
    return said;
  };
  const leads = (at: string, to: string): string => {
    rmSync(at, { force: true, recursive: true });
    symlinkSync(to, at);
    return at;
  };

  for (const name of ['a-mallory', 'z-mallory']) {
    await scope.test(`${name}: his link leads to her directory, which a group may write`, async () => {
      await fails(name, hers, leads(join(his, 'run'), '../hers'));
      await fails(name, hers, leads(join(home, 'run'), hers));
    });
    await scope.test(`${name}: in a directory that everybody may write`, async () => {
      await fails(name, inOpen, join(open, 'link'));
      await fails(name, inOpen, leads(join(home, 'run'), inOpen));
    });
    await scope.test(`${name}: her path goes through a link of her own`, async () => {
      await fails(name, join(alice, 'current'), leads(join(home, 'run'), join(releases, '1')));
      await fails(name, join(alice, 'current'), leads(join(home, 'run'), join(alice, 'current')));
      symlinkSync('../hers', join(hers, 'self'));
      await fails(name, join(hers, 'self'), leads(join(his, 'run'), '../hers'));
      rmSync(join(hers, 'self'));
    });
    await scope.test(
      `${name}: through links where her directory is closed to him, he learns nothing`,
      async () => {
        chmodSync(alice, 0o700);
        leads(join(home, 'run'), join(releases, '1'));
        const address = (path: string) => ({ 'listen.address': join(path, 'x.sock') });
        const pools = { hers: poolOfUser(ALICE, address(join(releases, '1'))) };
        const { pools: one } = await check({
          ...pools,
          [name]: poolOfUser(MALLORY, address(join(home, 'run'))),
        });
        assert.deepEqual([...one.keys()], [name]);
        assert.match(one.get(name) ?? '', /may not enter/);
        assert.doesNotMatch(one.get(name) ?? '', /another pool/);
        chmodSync(alice, 0o755);
      },
    );
  }

  for (const [where, mode] of [
    ['open', 0o2775],
    ['closed', 0o700],
  ] as const)
    await scope.test(
      `exchanged all the time for a link to hers, which is ${where}: hers never fails`,
      async () => {
        own(hers, ALICE, mode, SHARED);
        const run = join(his, 'run');
        rmSync(run, { force: true });
        directory(run, MALLORY);
        symlinkSync('../hers', `${run}.other`);
        const stop = await startExchange(scope, MALLORY, run, `${run}.other`);
        const keys = (at: string) => ({ 'listen.address': join(at, 'x.sock'), group: String(SHARED) });
        const pools = { amallory: poolOfUser(MALLORY, keys(run)), hers: poolOfUser(ALICE, keys(hers)) };
        const outcomes = new Set<string>();
        for (let round = 0; round < 60; round++) {
          const said = await check(pools);
          assert.equal(said.all, '');
          assert.equal(said.pools.get('hers'), undefined);
          outcomes.add(said.pools.get('amallory') ?? 'good');
          assert.doesNotMatch(said.root, new RegExp(`of ${ALICE}[^\\n]*\\n.*(chown|setfacl)`));
        }
        assert.ok((await stop()) > 60);
        if (mode === 0o700) assert.doesNotMatch([...outcomes].join('\n'), /another pool|taken/);
        rmSync(`${run}.other`, { recursive: true, force: true });
        rmSync(run, { recursive: true, force: true });
        own(hers, ALICE, 0o2775, SHARED);
      },
    );

  await scope.test('a link to where he may not write takes nothing from her, and tells nothing', async () => {
    const keys = (at: string) => ({ 'listen.address': join(at, 'x.sock') });
    const pools = { amallory: keys(leads(join(home, 'run'), alice)), hers: keys(alice) };
    const { pools: one } = await check({
      amallory: poolOfUser(MALLORY, pools.amallory),
      hers: poolOfUser(ALICE, pools.hers),
    });
    assert.deepEqual([...one.keys()], ['amallory']);
    assert.match(one.get('amallory') ?? '', /may not write in the directory/);
    assert.doesNotMatch(one.get('amallory') ?? '', /another pool/);
  });

  await scope.test(
    'the files say the same address twice: that concerns all, and names nobody to a tenant',
    async () => {
      const address = { 'listen.address': '127.0.0.1:4999' };
      const { all, root } = await check({
        hers: poolOfUser(ALICE, address),
        mallory: poolOfUser(MALLORY, { 'listen.address': '0.0.0.0:4999' }),
      });
      assert.match(root, /mallory\.toml:.* is also pool hers's \(127\.0\.0\.1:4999, .*hers\.toml/);
      assert.match(all, /0\.0\.0\.0:4999 belongs to another pool/);
      assert.doesNotMatch(all, /hers/);
    },
  );

  await scope.test('whose process listens is told to root alone', async () => {
    const path = join(home, 'taken.sock');
    await listening(path, scope);
    const { pools, root } = await check({ mallory: poolOfUser(MALLORY, { 'listen.address': path }) });
    assert.match(root, new RegExp(`taken.sock is taken: .* \\(pid ${process.pid}\\) listens there`));
    assert.match(pools.get('mallory') ?? '', /is taken: another process listens there/);
    assert.doesNotMatch(pools.get('mallory') ?? '', /pid/);
  });

  await scope.test('where another user could start root’s programs, it is not told which one', async () => {
    const pools = { hers: poolOfUser(ALICE), mallory: poolOfUser(MALLORY) };
    await check(pools);
    const file = join(scope.dir, 'pools.d/hers.toml');
    chownSync(file, MALLORY, 0);
    const { config, sources } = loadConfig({ file: join(scope.dir, 'fpm-ts.toml'), env: {}, uid: 0 });
    assert.ok(config !== null);
    const { problems } = await checkSystem(config, sources, { ownAddresses: new Set(), env: {} });
    assert.match(problems.map(formatProblem).join(), /as whom pool mallory runs/);
    assert.doesNotMatch(problems.map(it => partOf(it).text).join(), /mallory/);
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

suite('root/tenant-view: a reload', {
  root: true,
  needs: ['gcc', 'libfcgi', 'curl', 'setpriv'],
}, async scope => {
  const hello = await helloPools(scope);
  const group = directory(join(scope.dir, 'group'), 0, 0o2775, SHARED);
  const hers = directory(join(group, 'hers'), ALICE, 0o777);
  const run = directory(join(group, 'his'), MALLORY);
  const keys = (uid: number, path: string) => ({
    user: String(uid),
    group: String(uid),
    'listen.address': join(path, 'x.sock'),
  });
  const daemon = await startDaemon(scope, {
    pools: { zalice: hello('zalice', keys(ALICE, hers)), mallory: hello('mallory', keys(MALLORY, run)) },
    expectedLog: [/reloadFailed|cannot be reached|mallory/],
  });

  await scope.test(
    'his directory becomes a link to hers: his reload fails and does not name her, hers works',
    async () => {
      rmSync(run, { recursive: true });
      symlinkSync('hers', run);
      const { status, body } = await curl(
        daemon.controlSocket,
        '/v1/reload',
        ['--data', '{"pools":["mallory"]}'],
        {
          as: AS_MALLORY,
        },
      );
      assert.notEqual(status, 200, body);
      assert.match(body, /x\.sock belongs to another pool/);
      assert.doesNotMatch(body, /alice/);
      const shown = await curl(daemon.controlSocket, '/v1/status?pool=mallory', [], { as: AS_MALLORY });
      assert.doesNotMatch(shown.body, /alice/);
      const { code, stdout } = await daemon.cli('check');
      assert.equal(code, 78);
      assert.match(stdout, /mallory\.toml:.* is also pool zalice's/);
      assert.equal((await daemon.cli('reload', 'zalice')).code, 0);
      assert.equal(poolOf(await daemon.status(), 'zalice').state, 'running');
    },
  );
});
