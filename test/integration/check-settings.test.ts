/** Limits, priorities, sums, owners and rights; for an ordinary user, whoever runs the tests. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { SystemLimits } from '../../src/config/check/limits.ts';
import type { Self } from '../../src/config/check/self.ts';
import { ordinarySelf } from '../lib/ordinary-self.ts';
import { assertFound, assertNothingFound, checkTree, pool } from './check-tree.ts';

/** An ordinary user to whom modes mean nothing, so that a test is about one right only. */
const NOBODY: Self = { ...ordinarySelf(65_534, 65_534), overrides: true };

/** As `pool`, for a supervisor that is not root. */
const www = (keys: Parameters<typeof pool>[0]): string => pool(keys).replace('allow_root = true\n', '');

const LIMITS: SystemLimits = {
  hard: resource => (resource === 'core' ? Number.POSITIVE_INFINITY : 4096),
  filesMax: 1_000_000,
  somaxconn: 1024,
  nicenessMin: 20,
  oomScoreAdj: 100,
  argumentsMax: 2 ** 20,
};
const options = { self: NOBODY, limits: LIMITS };

void test('limits above the hard limit', async t => {
  const tree = checkTree(t);
  const check = (keys: Parameters<typeof pool>[0]) => tree.check({ www: www(keys) }, '', options);
  for (const name of ['files', 'nproc', 'as', 'memlock']) {
    const key = `rlimit_${name}`;
    assertNothingFound(await check({ [key]: 4096 }));
    assertFound(tree, await check({ [key]: 4097 }), {
      key,
      message: /^4097( bytes)? is above the hard limit, 4096\1,/,
    });
  }
  assertFound(tree, await check({ rlimit_as: 'unlimited' }), {
    key: 'rlimit_as',
    message: /"unlimited" is above the hard limit/,
  });
  assertNothingFound(await check({ rlimit_core: 'unlimited' }));
});

void test('CAP_SYS_RESOURCE raises hard limits, but not files above fs.nr_open', async t => {
  const tree = checkTree(t);
  const self: Self = { ...NOBODY, capabilities: new Set(['sys_resource']) };
  const check = (keys: Parameters<typeof pool>[0]) =>
    tree.check({ www: www(keys) }, '', { ...options, self });
  assertNothingFound(await check({ rlimit_nproc: 5000, rlimit_as: 'unlimited', rlimit_files: 1_000_000 }));
  for (const value of [1_000_001, 'unlimited']) {
    const result = await check({ rlimit_files: value });
    assertFound(tree, result, { key: 'rlimit_files', message: /is above fs\.nr_open, 1000000/ });
  }
});

void test('the limits of this very system, as this user', async t => {
  const tree = checkTree(t);
  const result = await tree.check({ www: pool({ rlimit_files: 2_000_000_000 }) });
  assertFound(tree, result, { key: 'rlimit_files', message: /2000000000 is above/ });
});

void test('priorities above our own need the right', async t => {
  const tree = checkTree(t);
  const check = (keys: Parameters<typeof pool>[0], self: Self = NOBODY, limits = LIMITS) =>
    tree.check({ www: www(keys) }, '', { self, limits });
  const nice = { 'process.priority': -5 };
  assertFound(tree, await check(nice), { key: 'process.priority', message: /-5 raises the priority/ });
  assertNothingFound(await check(nice, { ...NOBODY, capabilities: new Set(['sys_nice']) }));
  assertNothingFound(await check(nice, NOBODY, { ...LIMITS, nicenessMin: -5 }));
  assertNothingFound(await check({ 'process.priority': 5 }));
  const key = 'process.oom_score_adj';
  assertFound(tree, await check({ [key]: 99 }), { key, message: /99 is below our own, 100/ });
  assertNothingFound(await check({ [key]: 100 }));
  assertNothingFound(await check({ [key]: -1000 }, { ...NOBODY, capabilities: new Set(['sys_resource']) }));
});

void test('a backlog that the kernel shortens is a notice, for a listener that there is', async t => {
  const tree = checkTree(t);
  const keys = { 'listen.backlog': 2000, 'listen.address': `${tree.dir}/www.sock` };
  const result = await tree.check({ www: www(keys) }, '', options);
  const message = /shortens a backlog of 2000 to net\.core\.somaxconn, 1024/;
  assertFound(tree, result, { key: 'listen.backlog', severity: 'notice', message });
  assertNothingFound(await tree.check({ www: www({ ...keys, 'listen.address': 'none' }) }, '', options));
});

void test('process.max below what the enabled static pools need', async t => {
  const tree = checkTree(t);
  const of = (workers: number): string => pool({ 'pm.max_children': workers });
  const pools = { a: of(3), b: of(4), c: `${of(50)}enabled = false\n` };
  assertNothingFound(await tree.check(pools, 'process.max = 7\n'));
  assertNothingFound(await tree.check(pools, 'process.max = 0\n'));
  assertFound(tree, await tree.check(pools, 'process.max = 6\n'), {
    key: 'process.max',
    file: 'fpm-ts.toml',
    message: /6 is below the 7 workers .* \(a 3, b 4\)/,
  });
});

void test('unknown owner and group of a socket, unknown control group', async t => {
  const tree = checkTree(t);
  const address = { 'listen.address': `${tree.dir}/www.sock` };
  const owner = await tree.check({ www: pool({ ...address, 'listen.owner': 'no-such-user' }) });
  assertFound(tree, owner, { key: 'listen.owner', message: /there is no user no-such-user/ });
  const group = await tree.check({ www: pool({ ...address, 'listen.group': 'no-such-group' }) });
  assertFound(tree, group, { key: 'listen.group', message: /there is no group no-such-group/ });
  const control = await tree.check({ www: pool() }, 'control.group = "no-such-group"\n');
  assertFound(tree, control, { key: 'control.group', file: 'fpm-ts.toml', message: /there is no group/ });
});

void test('an ordinary user cannot give sockets away, and keeps its own', async t => {
  const tree = checkTree(t);
  const check = (keys: Parameters<typeof pool>[0], self: Self = NOBODY) =>
    tree.check({ www: www({ 'listen.address': `${tree.dir}/www.sock`, ...keys }) }, '', { ...options, self });
  const owner = await check({ 'listen.owner': 'root' });
  assertFound(tree, owner, { key: 'listen.owner', message: /only root can give a socket/ });
  const group = await check({ 'listen.group': '0' });
  assertFound(tree, group, { key: 'listen.group', message: /uid 65534 is not a member of it/ });
  assertNothingFound(await check({ 'listen.owner': '65534', 'listen.group': '65534' }));
  assertNothingFound(await check({ 'listen.group': '0' }, { ...NOBODY, groups: [0] }));
});

void test('user and group mean nothing without root: a notice, and what was not tested is listed', async t => {
  const tree = checkTree(t);
  const result = await tree.check({ www: www({ user: 'root', group: 'root' }) }, '', options);
  assertFound(
    tree,
    result,
    { key: 'user', severity: 'notice', message: /not root, so workers run as uid 65534/ },
    { key: 'group', severity: 'notice', message: /workers have gid 65534/ },
  );
  assert.deepEqual(result.untested, [
    { what: 'pool www: what root may do', why: 'not root: tested for uid 65534, as whom it would run' },
  ]);
  const self = await tree.check({ www: www({ user: '65534', group: '65534' }) }, '', options);
  assertNothingFound(self);
  assert.deepEqual(self.untested, []);
});

void test('chroot needs root', async t => {
  const tree = checkTree(t);
  const result = await tree.check({ www: www({ chroot: tree.dir }) }, '', options);
  assertFound(tree, result, { key: 'chroot', message: /only root can change the root directory/ });
  assert.equal(result.untested[0]?.what, 'pool www: command and directories');
});

void test('the programs that settings need: each is asked for by the setting that needs it', async t => {
  const tree = checkTree(t);
  const check = (keys: Parameters<typeof pool>[0], helperPath?: string) => {
    const rights = new Set(['sys_nice', 'sys_resource'] as const);
    const self: Self = { ...NOBODY, capabilities: rights };
    return tree.check({ www: www(keys) }, '', { self, ...(helperPath === undefined ? {} : { helperPath }) });
  };
  for (const [key, value, program] of [
    ['process.priority', -1, 'nice'],
    ['process.oom_score_adj', 500, 'choom'],
    ['rlimit_core', 0, 'prlimit'],
    ['process.no_new_privileges', true, 'setpriv'],
  ] as const) {
    assertNothingFound(await check({ [key]: value }));
    const missing = await check({ [key]: value }, '/no/such:/nor/this');
    assertFound(tree, missing, {
      key,
      message: new RegExp(`needs the program ${program}, which is not in /no/such:`),
    });
  }
  assertNothingFound(await check({}, '/no/such'));
  // Variables of the pool's own are set by env, but only where another program stands in front of the command.
  const env = await check({ rlimit_core: 0, 'env.APP': 'x' }, '/no/such');
  assertFound(
    tree,
    env,
    { key: 'rlimit_core', message: /prlimit/ },
    { key: 'env', message: /APP.*`env -S`/ },
  );
  assertNothingFound(await check({ 'env.APP': 'x' }, '/no/such'));
  assertNothingFound(await check({ rlimit_core: 0, 'env.APP': 'x' }));
  // The pool's own PATH is for its command alone.
  assertNothingFound(await check({ rlimit_core: 0, 'env.PATH': '/no/such' }));
});
