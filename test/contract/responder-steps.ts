/** What every program must do behind every web server; the fixtures in Perl and Python answer alike. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { ask, md5 } from '../lib/http.ts';
import { descendants } from '../lib/processes.ts';
import { poolOf } from '../lib/status.ts';
import type { Scope } from '../lib/suite.ts';
import type { Deployment } from './deploy.ts';

/** The lines of a fixture's answer as "word rest" pairs. */
function fields(text: string): Map<string, string> {
  const lines = text.trim().split('\n');
  return new Map(
    lines.map(line => [line.split(' ', 1)[0] ?? '', line.slice(line.indexOf(' ') + 1)] as const),
  );
}

/** Asks `url` through the web server; `program` is the word that the fixture puts before its pid. */
export async function testResponder(
  scope: Scope,
  { daemon, pool }: Deployment,
  url: string,
  program: string,
): Promise<void> {
  await scope.test('GET is answered by a worker of the pool, with its query string', async () => {
    const answer = await ask(`${url}?a=1&b=%20x`);
    assert.equal(answer.status, 200, answer.text);
    const said = fields(answer.text);
    const workers = poolOf(await daemon.status(), pool).processes.map(worker => worker.pid);
    const family = workers.flatMap(pid => [pid, ...descendants(pid).map(child => child.pid)]);
    assert.ok(family.includes(Number(said.get(program))), `${answer.text} not from ${family.join(' ')}`);
    assert.equal(said.get('method'), 'GET');
    assert.equal(said.get('query'), 'a=1&b=%20x');
  });

  await scope.test('POST of 10 MB arrives whole', async () => {
    const body = randomBytes(10_000_000);
    const answer = await ask(url, { body, headers: { 'content-type': 'application/octet-stream' } });
    assert.equal(answer.status, 200, answer.text);
    assert.equal(fields(answer.text).get('body'), `10000000 ${md5(body)}`);
  });

  await scope.test("the program's own 404 comes through", async () => {
    assert.equal((await ask(`${url}?missing`)).status, 404);
  });

  await scope.test('twenty at a time are all answered', async () => {
    const answers = await Promise.all(Array.from({ length: 20 }, (_, i) => ask(`${url}?n=${i}`)));
    assert.deepEqual(
      answers.map(answer => [answer.status, fields(answer.text).get('query')]),
      answers.map((_, i) => [200, `n=${i}`]),
    );
  });
}
