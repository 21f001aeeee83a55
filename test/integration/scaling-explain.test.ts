/** `fpm-ts explain`: the last decisions with the numbers that led there, for people and as described in openapi.json. */
import assert from 'node:assert/strict';
import type { Explanation } from '../../src/commands/explain.ts';
import { DYNAMIC, startGated } from '../lib/gated.ts';
import { mismatch, publishedOpenApi } from '../lib/openapi.ts';
import { suite } from '../lib/suite.ts';

suite('integration/scaling-explain', { needs: ['gcc'] }, async scope => {
  const gated = await startGated(
    scope,
    { www: { keys: { ...DYNAMIC, 'pm.max_children': 6 } } },
    { expectedLog: [/maxChildrenReached/] },
  );
  const { daemon } = gated;
  const answers = gated.ask(gated.address('www'), 9);
  await gated.untilInHand(6);
  await gated.poolWhen('www', 'three to wait', it => it.queue.length === 3 && it.reason !== '');

  await scope.test('--json is what openapi.json says, with the numbers of each reason', async () => {
    const { code, stdout, stderr } = await daemon.cli('--json', 'explain', 'www');
    assert.equal(code, 0, stderr);
    const answer = JSON.parse(stdout) as Explanation;
    const where = { method: 'get', path: '/v1/explain', status: 200 };
    assert.equal(mismatch(publishedOpenApi(), where, answer), undefined);
    const reasons = answer.decisions.flatMap(it => it.reasons);
    const first = reasons.find(({ code: it }) => it === 'first-fill');
    assert.deepEqual(first?.numbers, { present: 0, startServers: 3 });
    const last = reasons.findLast(({ code: it }) => it === 'max-children');
    assert.deepEqual([last?.numbers.spare, last?.numbers.maxChildren], [2, 6]);
    assert.ok(answer.decisions.every(it => it.at <= it.last_at && it.times >= 1));
  });

  await scope.test('as text: when, what, and why', async () => {
    const { stdout } = await daemon.cli('explain', 'www');
    assert.match(
      stdout,
      /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3} {2}start 3 workers\n {4}0 of the 3 that start_servers/,
    );
    assert.match(stdout, /\d workers are needed, and 2 to spare, but max_children is 6/);
    assert.match(stdout, /start nobody \(\d+ times, the last at \d{4}-/);
  });

  await scope.test('of a pool that there is not', async () => {
    const { code, stderr } = await daemon.cli('explain', 'nowhere');
    assert.equal(code, 66);
    assert.match(stderr, /there is no pool nowhere; there are: www/);
  });

  gated.open('www');
  assert.deepEqual(
    (await answers).filter(it => typeof it === 'string'),
    [],
  );
});
