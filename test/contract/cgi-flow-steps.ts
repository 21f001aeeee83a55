/** How answers flow through the host: at once, whole, many at a time, and only as long as somebody listens. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { type IncomingMessage, request } from 'node:http';
import { ask } from '../lib/http.ts';
import { until } from '../lib/poll.ts';
import { isAlive, readStat } from '../lib/processes.ts';
import { workerPids } from '../lib/status.ts';
import type { Scope } from '../lib/suite.ts';
import { lines, type Site } from './cgi-script-steps.ts';

/** Begins to read an answer. */
async function begin(url: string): Promise<{ incoming: IncomingMessage; first: string; reset: () => void }> {
  const outgoing = request(url, { agent: false });
  outgoing.end();
  const [incoming] = (await once(outgoing, 'response')) as [IncomingMessage];
  const [chunk] = (await once(incoming, 'data')) as [Buffer];
  return { incoming, first: chunk.toString(), reset: () => outgoing.socket?.resetAndDestroy() };
}

export async function testFlow(scope: Scope, { server, scripts, daemon, pool }: Site): Promise<void> {
  await scope.test('what a script has said is there before it ends', async () => {
    const { incoming, first } = await begin(`${server.url}/cgi-bin/slow.sh`);
    assert.match(first, /^\d+\n$/);
    assert.notEqual(readStat(Number(first)), undefined, 'the script has ended');
    const rest = incoming.toArray();
    writeFileSync(`${scripts}/fifo`, 'and the rest\n');
    assert.equal(Buffer.concat(await rest).toString(), 'and the rest\n');
  });

  await scope.test('a reload lets the script that runs come to its end', async () => {
    const { incoming, first } = await begin(`${server.url}/cgi-bin/slow.sh`);
    const rest = incoming.toArray();
    const before = workerPids(await daemon.status(), pool);
    const reloaded = await daemon.cli('reload', pool);
    assert.equal(reloaded.code, 0, reloaded.stdout + reloaded.stderr);
    assert.equal((await ask(`${server.url}/cgi-bin/env.sh`)).status, 200);
    assert.notDeepEqual(workerPids(await daemon.status(), pool), before);
    assert.notEqual(readStat(Number(first)), undefined, 'the script has ended');
    writeFileSync(`${scripts}/fifo`, 'after the reload\n');
    assert.equal(Buffer.concat(await rest).toString(), 'after the reload\n');
  });

  await scope.test('a script whose client has gone is ended', async () => {
    const { incoming, first, reset } = await begin(`${server.url}/cgi-bin/slow.sh`);
    const script = readStat(Number(first));
    assert.ok(script !== undefined, 'the script has ended');
    incoming.on('error', () => {});
    // lighttpd takes a mere FIN for a client that still listens.
    reset();
    await until(() => !isAlive(script), { what: 'the end of the script' });
  });

  await scope.test('a hundred megabytes come whole', async () => {
    const answer = await ask(`${server.url}/cgi-bin/large.sh?100000000`);
    assert.deepEqual([answer.status, answer.complete, answer.body.length], [200, true, 100_000_000]);
  });

  await scope.test('a hundred at a time are all answered', async () => {
    const numbers = Array.from({ length: 100 }, (_, i) => i);
    const answers = await Promise.all(numbers.map(n => ask(`${server.url}/cgi-bin/env.sh?n=${n}`)));
    assert.deepEqual(
      answers.map(answer => [answer.status, lines(answer.text).get('QUERY_STRING')]),
      numbers.map(n => [200, `n=${n}`]),
    );
  });
}
