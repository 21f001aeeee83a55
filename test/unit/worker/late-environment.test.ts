/** Whatever a variable is called and holds, env(1) gives it to the worker as it is. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { lateEnvironment } from '../../../src/worker/late-environment.ts';

const AWKWARD: Readonly<Record<string, string>> = {
  PATH: '/usr/bin:/bin',
  EMPTY: '',
  QUOTES: `a"b'c`,
  DOLLARS: `$HOME \${PATH} $(id) \`id\` \${FPM_TS_0}`,
  LINES: 'a\nb\n',
  BACKSLASHES: '\\n\\\\ \\',
  BLANKS: '  two  words\t',
  COMMENT: '# x',
  EQUALS: 'a=b',
  UTF8: 'äöü',
  LONG: 'x'.repeat(120_000),
  FPM_TS_3: 'the name of another value',
  LANGUAGE: '/srv/evil',
  // Only clear_env = false brings such names.
  'A.B': 'dot',
  'BASH_FUNC_x%%': '() { :; }',
  "we'ird \\ name\t$X": 'v',
  '-x': 'no option',
};

/** What a worker gets that stands behind the setter. */
function received({ setter, env }: ReturnType<typeof lateEnvironment>): Record<string, string> {
  const [program = '', ...args] = setter;
  const { stdout, stderr } = spawnSync(program, [...args, '/usr/bin/env', '-0'], { env, encoding: 'utf8' });
  assert.equal(stderr, '');
  const entries = stdout.split('\0').filter(entry => entry !== '');
  return Object.fromEntries(entries.map(it => [it.slice(0, it.indexOf('=')), it.slice(it.indexOf('=') + 1)]));
}

void test('awkward names and values arrive as they are, and nothing else does', () => {
  assert.deepEqual(received(lateEnvironment(AWKWARD, { env: {} }, [])), AWKWARD);
});

void test('a variable that a program in front has set arrives with them', () => {
  const { setter, env } = lateEnvironment({ PATH: '/bin', APP: '1' }, { env: {} }, ['LISTEN_PID']);
  const all = received({ setter, env: { ...env, LISTEN_PID: '7' } });
  assert.deepEqual(all, { PATH: '/bin', APP: '1', LISTEN_PID: '7' });
});

void test('no value is an argument, which any user could read', () => {
  const { setter } = lateEnvironment({ SECRET: 'hunter2' }, { env: {} }, []);
  assert.ok(!setter.join(' ').includes('hunter2'));
});
