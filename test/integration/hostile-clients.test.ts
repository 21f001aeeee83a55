/** A responder with the library of fpm-ts, in a process of its own, between clients who do not keep to any protocol. */
import assert from 'node:assert/strict';
import {
  assertHoldsNoMore,
  assertServes,
  fuzzLive,
  linesOf,
  sendAndLeave,
  startResponder,
} from '../fuzz/live.ts';
import { until } from '../lib/poll.ts';
import { openDescriptors } from '../lib/processes.ts';
import { suite } from '../lib/suite.ts';
import { fixturePairs } from '../protocol/fixture-pairs.ts';
import type { Program } from '../unit/client/programs.ts';

const closedIn = (responder: Program): number =>
  linesOf(responder).filter(line => line.startsWith('fpm-ts/responder: closed the connection of a client: '))
    .length;

for (const protocol of ['fastcgi', 'scgi'] as const) {
  suite(`integration/hostile-clients: ${protocol}`, { needs: ['spawn-fcgi'] }, async scope => {
    await scope.test(
      'what breaks the rules is closed and said in one line, and the next one served',
      async () => {
        const responder = await startResponder(scope, protocol);
        await assertServes(responder, protocol);
        const descriptors = openDescriptors(responder.pid);
        // To an abort the responder says its end at once, and what comes after is as good as new.
        const isAnswered = 'begun-twice-after-abort';
        const invalid = fixturePairs(`${protocol}-server`, 'invalid').filter(
          ({ name }) => name !== isAnswered,
        );
        for (const [index, { name, bytes }] of invalid.entries()) {
          assert.ok(await sendAndLeave(responder.path, [bytes], socket => socket.end()), name);
          await until(() => closedIn(responder) > index, { what: `a line about ${name}` });
          await assertServes(responder, protocol);
          assert.equal(closedIn(responder), index + 1, `${name}: ${responder.stderr()}`);
        }
        await assertHoldsNoMore(responder, descriptors);
        assert.equal(await responder.terminate(), 0);
        assert.equal(closedIn(responder), invalid.length);
      },
    );

    await scope.test('captures of real web servers, broken', async () => {
      const seed = Date.now() % 0x7fff_ffff;
      await fuzzLive(scope, protocol, { seed, first: 0, inputs: 320 });
    });
  });
}
