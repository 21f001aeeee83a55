/** Scripts and links that are exchanged between the check and the run: what runs is what was checked. */
import assert from 'node:assert/strict';
import { symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { assertNothingEscapes } from '../lib/cgi-escape.ts';
import { startCgiHost } from '../lib/cgi-host.ts';
import { suite } from '../lib/suite.ts';

suite('integration/cgi-links', { needs: ['gcc'] }, async scope => {
  await assertNothingEscapes(scope);
});

suite('integration/cgi-links: --script-paths', {}, async scope => {
  const host = await startCgiHost(scope, { args: ['--script-paths', '--interpreter', '.txt=/bin/sh'] });
  const text = 'printf "Content-Type: text/plain\\n\\n%s" "$0"\n';

  await scope.test(
    'a script, and one that an interpreter runs, find in $0 where they really are',
    async () => {
      const script = host.script('own.sh', `#!/bin/sh\n${text}`);
      const read = host.script('read.txt', text, 0o644);
      symlinkSync('own.sh', join(host.root, 'link'));
      assert.equal((await host.ask('own.sh')).text, script);
      assert.equal((await host.ask('link')).text, script);
      assert.equal((await host.ask('read.txt')).text, read);
    },
  );
});
