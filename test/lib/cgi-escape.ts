/** Requests to a CGI host whose links and files are exchanged meanwhile, and the journal of what must never run. */
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type CgiHostOptions, startCgiHost } from './cgi-host.ts';
import { exchange, exchangedPairs } from './exchange.ts';
import type { Scope } from './suite.ts';

const LEAST_REQUESTS = 500;
const AT_ONCE = 8;

/** Each kind of exchange in turn, under hundreds of requests. */
export async function assertNothingEscapes(scope: Scope, options: CgiHostOptions = {}): Promise<void> {
  const host = await startCgiHost(scope, options);
  const away = join(scope.dir, 'away');
  mkdirSync(away);
  const journal = join(host.shared, 'journal');
  const answer = (text: string): string => `printf 'Content-Type: text/plain\\n\\n${text}'\n`;
  const outside = `#!/bin/sh\necho "$$" >> ${journal}\n${answer('outside')}`;
  for (const pair of exchangedPairs(host.root, away, `#!/bin/sh\n${answer('inside')}`, outside))
    await scope.test(`${pair.name}: nothing outside runs`, async t => {
      const stop = await exchange(scope, pair);
      const seen = new Map<number, number>();
      let sent = 0;
      const one = async (): Promise<void> => {
        // Both sides of the exchange must have been met, or nothing was tried.
        while (sent++ < LEAST_REQUESTS || seen.size < 2) {
          const { status, text } = await host.ask(pair.asked);
          seen.set(status, (seen.get(status) ?? 0) + 1);
          assert.ok(status === 200 ? text === 'inside' : status === 403, `${status} ${text}`);
        }
      };
      await Promise.all(Array.from({ length: AT_ONCE }, one));
      await stop();
      t.diagnostic([...seen].map(([status, count]) => `${status}: ${count}`).join(', '));
      assert.ok(!existsSync(journal), existsSync(journal) ? readFileSync(journal, 'utf8') : '');
    });
}
