/** Sockets from a service manager, as the keeper finds them in its environment (sd_listen_fds_with_names(3)). */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { takeInheritedListeners } from '../../../../src/keeper/listeners/systemd-listener.ts';

const OURS = String(process.pid);

const ROWS: readonly (readonly [string, NodeJS.ProcessEnv, readonly (readonly [string, number])[]])[] = [
  ['none', {}, []],
  ['one without a name', { LISTEN_PID: OURS, LISTEN_FDS: '1' }, [['unknown', 3]]],
  [
    'two by name',
    { LISTEN_PID: OURS, LISTEN_FDS: '2', LISTEN_FDNAMES: 'web:api' },
    [
      ['web', 3],
      ['api', 4],
    ],
  ],
  [
    'a name that is left out',
    { LISTEN_PID: OURS, LISTEN_FDS: '2', LISTEN_FDNAMES: ':api' },
    [
      ['unknown', 3],
      ['api', 4],
    ],
  ],
  ['those of another process', { LISTEN_PID: '1', LISTEN_FDS: '1', LISTEN_FDNAMES: 'web' }, []],
  ['a count that is no number', { LISTEN_PID: OURS, LISTEN_FDS: 'x', LISTEN_FDNAMES: 'web' }, []],
];

for (const [name, env, expected] of ROWS) {
  void test(`${name}, and the variables are gone`, () => {
    const all = { ...env, OTHER: 'stays' };
    assert.deepEqual([...takeInheritedListeners(all)], expected);
    assert.deepEqual(all, { OTHER: 'stays' });
  });
}
