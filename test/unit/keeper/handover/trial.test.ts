/** What an administrator reads of a program that does not come up, and a program that never answers. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { quoted, tryOut } from '../../../../src/keeper/handover/trial.ts';
import { Poller } from '../../../../src/os/poller.ts';

const ROWS: readonly (readonly [name: string, stderr: string, said: string])[] = [
  ['nothing', '', ''],
  ['our own words', 'fpm-ts: 2.0.0 cannot read it\n', ': 2.0.0 cannot read it'],
  ["commander's", "error: unknown option '--trial'\n(try `fpm-ts --help`)\n", ": unknown option '--trial'"],
  [
    'a mistake in a file',
    'file:///srv/dist/a.js:3\n  x y\n    ^\n\nSyntaxError: Unexpected identifier\n    at compile (node:internal)\n\nNode.js v20\n',
    ': SyntaxError: Unexpected identifier (/srv/dist/a.js)',
  ],
  [
    'a file that is gone',
    "node:internal/x:1\n  throw e\nError [ERR_MODULE_NOT_FOUND]: Cannot find module '/srv/b.js' imported from /srv/a.js\n",
    ": Error [ERR_MODULE_NOT_FOUND]: Cannot find module '/srv/b.js' imported from /srv/a.js",
  ],
  ['something else', '\nout of luck\n', ': out of luck'],
];

for (const [name, stderr, said] of ROWS)
  void test(`of what it prints: ${name}`, () => assert.equal(quoted(stderr), said));

void test('one that hangs is ended after its time, with all that it has started', async t => {
  const directory = mkdtempSync(join(tmpdir(), 'fpm-ts-unit-'));
  t.after(() => rmSync(directory, { recursive: true }));
  const entry = join(directory, 'main.mjs');
  writeFileSync(
    entry,
    "import { spawn } from 'node:child_process'; spawn('sleep', ['600'], { stdio: 'inherit' }); setInterval(() => {}, 1000);",
  );
  const poller = new Poller();
  t.after(() => poller.close());
  const trial = tryOut({ node: [process.execPath], entry, options: [] }, '{}', poller, 1500);
  assert.ok(trial.pid() !== null);
  // The pipes are at their end only when nobody has them open any more: also what it started is gone then.
  await assert.rejects(trial.version, /main\.mjs\) was not ready within 1\.5 seconds$/);
  assert.equal(trial.pid(), null);
});
