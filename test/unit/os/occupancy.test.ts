/** Who listens on a socket file, without troubling them. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { probeUnixSocket } from '../../../src/os/address.ts';
import { openListeners, specOf, waitingAt } from '../../lib/listeners.ts';
import { suite } from '../../lib/suite.ts';

suite('unit/os/occupancy', {}, async scope => {
  const path = join(scope.dir, 'a.sock');

  await scope.test('where the table names a listener, nobody connects to it', () => {
    const { listeners } = openListeners(scope);
    const inode = listeners.open(specOf('a', { type: 'unix', path }));
    assert.equal(probeUnixSocket(path), 'listening');
    assert.equal(waitingAt(inode), 0);
  });

  await scope.test('a path without a file is missing', () => {
    assert.equal(probeUnixSocket(join(scope.dir, 'none.sock')), 'missing');
  });
});
