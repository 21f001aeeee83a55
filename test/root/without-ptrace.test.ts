/**
 * Root without CAP_SYS_PTRACE, as in a container: who holds which connection cannot be seen. The start says what is
 * lost by that, and reloads lose no request even so.
 */
import assert from 'node:assert/strict';
import { reload } from '../lib/disturb.ts';
import { MAIN } from '../lib/paths.ts';
import { storm } from '../lib/storm.ts';
import { openField, PROGRAMS, STORM_POOL } from '../lib/storm-pools.ts';
import { suite } from '../lib/suite.ts';

const WITHOUT = ['/usr/bin/setpriv', '--inh-caps=-sys_ptrace', '--bounding-set=-sys_ptrace'];
const { plain } = PROGRAMS;

suite('root/without-ptrace', { root: true, needs: [...plain.needs, 'setpriv'] }, async scope => {
  const { daemon, site } = await openField(scope, {
    program: plain,
    transport: 'unix',
    daemon: { program: [...WITHOUT, process.execPath, MAIN] },
  });

  await scope.test('the start says what cannot be seen, and what is lost by it', () => {
    const notices = daemon.log().filter(({ event }) => event === 'notice');
    assert.match(notices.map(({ text }) => text).join('\n'), /CAP_SYS_PTRACE is missing, so .*--cap-add/);
  });

  await scope.test('reloads under load: 0 failed', async () => {
    const { complaints } = await storm(scope, site, {
      clients: 8,
      disturb: reload(daemon, STORM_POOL),
      isOver: times => times >= 2,
    });
    assert.deepEqual(complaints, []);
  });
});
