/** A worker that loses its stop signal, as libfcgi does when the signal interrupts it while it reads a request. */
import assert from 'node:assert/strict';
import { startDaemon } from '../lib/daemon.ts';
import { poolText, socketOf } from '../lib/pools.ts';
import { suite } from '../lib/suite.ts';

/** Accepts, and ends only at the second SIGTERM. */
const FORGETFUL = '$SIG{TERM} = sub { exit 0 if $told++ }; while (1) { accept(my $c, STDIN) }';

suite('integration/stop-reminder', {}, async scope => {
  const daemon = await startDaemon(scope, {
    pools: {
      www: poolText({
        command: ['/usr/bin/perl', '-e', FORGETFUL.replaceAll('$', '$$$$')],
        'listen.address': socketOf(scope, 'www'),
        'pm.max_children': 2,
        process_control_timeout: '1h',
      }),
    },
  });

  await scope.test('it is told again when it is seen to accept, and nothing is cut', async () => {
    const { code } = await daemon.cli('stop', 'www');
    assert.equal(code, 0);
    const exits = daemon.log().filter(record => record.event === 'exited');
    assert.deepEqual(
      exits.map(record => record.exit),
      [
        { code: 0, signal: null },
        { code: 0, signal: null },
      ],
    );
  });
});
