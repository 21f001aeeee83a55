/**
 * A tenant's link leads his pool's address to another tenant's: his pool fails, never hers, and neither he nor she reads
 * whose the other one is. Root does.
 */
import assert from 'node:assert/strict';
import { chmodSync, chownSync, lchownSync, rmSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { checkSystem } from '../../src/config/check/check.ts';
import { loadConfig } from '../../src/config/load.ts';
import { formatProblem, partOf } from '../../src/config/problems.ts';
import { curl } from '../lib/curl.ts';
import { startDaemon } from '../lib/daemon.ts';
import { startExchange } from '../lib/exchange-loop.ts';
import { helloPools } from '../lib/pools.ts';
import { poolOf } from '../lib/status.ts';
import { suite } from '../lib/suite.ts';
import {
  ALICE,
  checker,
  directory,
  listening,
  MALLORY,
  own,
  poolOfUser,
  type Said,
  SHARED,
} from '../lib/tenants.ts';

const AS_MALLORY = ['setpriv', `--reuid=${MALLORY}`, `--regid=${MALLORY}`, '--clear-groups'];

suite('root/tenant-overlap: two pools at one place', { root: true, needs: ['setpriv'] }, async scope => {
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

suite('root/tenant-overlap: a reload', {
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
