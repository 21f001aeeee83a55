/** A pool that writes what looks like somebody else's log, what acts on a terminal, and more than a log can hold. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { startDaemon } from '../lib/daemon.ts';
import { until } from '../lib/poll.ts';
import { scriptPool } from '../lib/pools.ts';
import { suite } from '../lib/suite.ts';

const FORGED = [
  '{"level":60,"time":1,"pool":"other","pid":1,"msg":"forged"}',
  '{"level":30,"time":1,"msg":"forged supervisor"}',
  '","level":60,"msg":"forged',
  '\\n{"level":60,"msg":"forged"}\\n',
  '\\r{"level":60,"msg":"forged"}',
  '\\033]0;forged\\007\\033[2J\\033[31m',
  '\\302\\233forged\\302\\205',
  '\\342\\200\\256forged\\342\\200\\250',
];
const FLOOD_BYTES = 30_000_000;

const forge = FORGED.map(text => `printf '${text}\\n' >&2`).join('; ');
const flood = `head -c ${FLOOD_BYTES} /dev/zero | tr '\\0' x; yes flood | head -c ${FLOOD_BYTES}`;

suite('integration/hostile-output', {}, async scope => {
  const daemon = await startDaemon(scope, {
    pools: {
      forger: scriptPool(`${forge}; echo; echo forged all; exec sleep 1000`),
      flooder: scriptPool(`${flood}; exec sleep 1000`, { 'log.file': `${scope.dir}/flood.log` }),
      other: scriptPool('echo other is heard; exec sleep 1000'),
    },
    expectedLog: [/lines dropped/],
  });
  const said = (text: string): Promise<unknown> =>
    until(() => daemon.log().some(({ msg }) => msg === text), {
      what: `"${text}" in the log`,
      deadlineMs: 30_000,
    });

  await scope.test('each line is a record of its own pool, whatever it looks like', async () => {
    await said('forged all');
    const [pid] = (await daemon.status()).pools.find(({ name }) => name === 'forger')?.processes ?? [];
    const forged = daemon.log().filter(({ msg }) => msg?.includes('forged'));
    assert.ok(forged.length >= FORGED.length, JSON.stringify(forged));
    for (const record of forged)
      assert.deepEqual(
        [record.level, record.pool, record.pid],
        [30, 'forger', pid?.pid],
        JSON.stringify(record),
      );
  });

  await scope.test('nothing of it acts on a terminal', () => {
    const text = readFileSync(`${scope.dir}/fpm-ts.log`, 'utf8');
    assert.doesNotMatch(text, /(?!\n)[\p{Cc}\u2028\u2029\p{Bidi_Control}]/u);
  });

  await scope.test('a flood holds up neither commands nor the output of others', async () => {
    await said('other is heard');
    const reloaded = await daemon.cli('reload', 'other');
    assert.equal(reloaded.code, 0, reloaded.stderr);
    await until(() => daemon.log().filter(({ msg }) => msg === 'other is heard').length === 2, {
      what: 'the next worker',
    });
  });
});
