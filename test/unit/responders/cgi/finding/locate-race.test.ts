/** Links, files and directories that are exchanged while they are looked for: what comes out is never outside. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { ask, identityOf, locatorFor } from '../../../../lib/cgi-tree.ts';
import { exchange, exchangedPairs } from '../../../../lib/exchange.ts';
import { suite } from '../../../../lib/suite.ts';

const LEAST_LOOKS = 5_000;

suite('unit/responders/cgi/locate-race', { needs: ['gcc'] }, async scope => {
  const root = join(scope.dir, 'root');
  const away = join(scope.dir, 'away');
  const pairs = exchangedPairs(root, away, '#!/bin/sh\n', '#!/bin/sh\n');
  const inside = new Set(
    ['file', 'in', 'directory/script', 'far/directory/script'].map(path => identityOf(join(root, path))),
  );
  const rooms = new Set(['', 'directory', 'far/directory'].map(path => identityOf(join(root, path))));
  const locator = locatorFor({ roots: [root] });
  scope.defer(() => locator.close());

  for (const pair of pairs)
    await scope.test(pair.name, async t => {
      const stop = await exchange(scope, pair);
      const seen = new Map<number, number>();
      // Both sides of the exchange must have been met, or nothing was tried.
      for (let looks = 0; looks < LEAST_LOOKS || seen.size < 2; looks++) {
        const { status, file, directory, reason } = ask(locator, `${root}/${pair.asked}`);
        seen.set(status, (seen.get(status) ?? 0) + 1);
        assert.ok(status === 200 || status === 403, reason);
        if (status === 200) assert.ok(inside.has(file) && rooms.has(directory), `${file} in ${directory}`);
      }
      await stop();
      t.diagnostic([...seen].map(([status, count]) => `${status}: ${count}`).join(', '));
    });
});
