/** What a reload would do, from one pair of configurations to the next. */
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { reloadPlan } from '../../../src/config/plan.ts';
import { formatProblem } from '../../../src/config/problems.ts';
import type { GlobalConfig } from '../../../src/config/types.ts';
import { GOOD_POOL, writeTree } from './tree.ts';

function load(t: TestContext, files: Record<string, string>): GlobalConfig {
  // The same names in another directory would be other files, so paths are made the same again.
  const tree = writeTree(t, files);
  const { config, problems } = tree.load();
  assert.ok(config, problems.map(formatProblem).join('\n'));
  return JSON.parse(JSON.stringify(config).replaceAll(tree.directory, '/etc/f')) as GlobalConfig;
}

/** `pool action applies: key applies, ...` */
function plan(t: TestContext, before: Record<string, string>, after: Record<string, string>): string[] {
  return reloadPlan(load(t, before), load(t, after)).map(entry => {
    const changes = entry.changes.map(change => `${change.key} ${change.applies}`).join(', ');
    return `${entry.pool} ${entry.action} ${entry.applies}: ${changes}`;
  });
}

const POOL = { 'pools.d/p.toml': GOOD_POOL };

/** One changed line of a pool, and how it takes effect. */
const CHANGES: readonly (readonly [string, string])[] = [
  ['start_timeout = "1m"', 'live: start_timeout live'],
  ['start_timeout = "30000ms"', 'null: '],
  ['umask = "0077"', 'workers: umask workers'],
  ['env = { A = "1" }', 'workers: env workers'],
  ['listen.backlog = 10', 'listener: listen.backlog listener'],
  ['listen.mode = "0600"\nprocess.priority = 1', 'listener: listen.mode listener, process.priority workers'],
  ['listen.owner = "www-data"', 'null: '],
  ['group = "adm"', 'listener: group workers, listen.group listener'],
  ['pm.worker_concurrency = 2', 'live: pm.worker_concurrency live'],
];

for (const [line, expected] of CHANGES) {
  void test(`a pool that gains ${line.replace('\n', ' and ')}`, t => {
    const action = expected.startsWith('null') ? 'unchanged' : 'changed';
    const after = { 'pools.d/p.toml': `${GOOD_POOL}${line}\n` };
    assert.deepEqual(plan(t, POOL, after), ['null unchanged null: ', `p ${action} ${expected}`]);
  });
}

void test('pools come and go, switched off is gone', t => {
  const before = {
    'pools.d/a.toml': GOOD_POOL,
    'pools.d/b.toml': `enabled = false\n${GOOD_POOL}`,
    'pools.d/c.toml': GOOD_POOL,
  };
  const after = {
    'pools.d/b.toml': GOOD_POOL,
    'pools.d/c.toml': `enabled = false\n${GOOD_POOL}`,
    'pools.d/d.toml': GOOD_POOL,
  };
  assert.deepEqual(plan(t, before, after), [
    'null unchanged null: ',
    'a removed listener: ',
    'b added listener: ',
    'c removed listener: ',
    'd added listener: ',
  ]);
});

void test('settings of the supervisor', t => {
  const after = { ...POOL, 'fpm-ts.toml': 'log.level = "debug"\ncontrol.group = "adm"\n' };
  assert.equal(plan(t, POOL, after)[0], 'null changed restart: control.group restart, log.level live');
});

void test('a secret that changed is a change, and is not told', t => {
  const pool = `env_files = ["x.env"]\n${GOOD_POOL}`;
  const before = load(t, { 'pools.d/p.toml': pool, 'pools.d/x.env': 'S=old' });
  const after = load(t, { 'pools.d/p.toml': pool, 'pools.d/x.env': 'S=new' });
  const [, entry] = reloadPlan(before, after);
  assert.deepEqual(
    entry?.changes.map(change => [change.key, change.applies]),
    [['env_files', 'workers']],
  );
  assert.doesNotMatch(JSON.stringify(entry), /old|new/);
});

void test('the order in which variables are said is no change', t => {
  const before = { 'pools.d/p.toml': `env = { A = "1", B = "2" }\n${GOOD_POOL}` };
  const after = { 'pools.d/p.toml': `env = { B = "2", A = "1" }\n${GOOD_POOL}` };
  assert.equal(plan(t, before, after)[1], 'p unchanged null: ');
});
