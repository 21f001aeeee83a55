/** Clients of the control socket that leave at any point: nothing is logged, nothing stays open, others are answered. */
import assert from 'node:assert/strict';
import { type CommandResult, runCommand } from '../lib/command.ts';
import { type Daemon, startDaemon } from '../lib/daemon.ts';
import { placeFixture } from '../lib/fixtures.ts';
import { readableByAll } from '../lib/installed.ts';
import { until } from '../lib/poll.ts';
import { helloPools } from '../lib/pools.ts';
import { openDescriptors } from '../lib/processes.ts';
import { type Scope, suite } from '../lib/suite.ts';

const HOST = 'HTTP/1.1\r\nhost: control\r\n';
const BODY = '{"pool":"www","workers":2}';
const withBody = (path: string, length: number, body: string): string =>
  `POST ${path} ${HOST}content-length: ${length}\r\n\r\n${body}`;

/** What a client has sent when it leaves. */
const BEFORE_THE_ANSWER: Readonly<Record<string, string>> = {
  'before a word': '\r\n',
  'in the middle of a head': `POST /v1/scale ${HOST}content-le`,
  'between head and body': withBody('/v1/scale', BODY.length, ''),
  'in the middle of a body': withBody('/v1/scale', BODY.length, BODY.slice(0, 9)),
  'in the middle of a chunked body': `POST /v1/reload ${HOST}transfer-encoding: chunked\r\n\r\n5\r\n{"po`,
  'in the middle of a body that is too long': withBody('/v1/reload', 1e9, '{'.repeat(70_000)),
  'before it is asked for the body': `POST /v1/scale ${HOST}expect: 100-continue\r\ncontent-length: 9\r\n\r\n`,
  'before the answer': `GET /v1/status ${HOST}\r\n`,
  'before the answer to a wrong path': withBody('/v2/none', 9, '{"po'),
  'with a second request behind the first': `GET /v1/status ${HOST}\r\n${withBody('/v1/scale', 9, '{')}`,
};
const TIMES = 5;

/** In a command's place: becomes another user. */
const STRANGER = ['setpriv', '--reuid=nobody', '--regid=nogroup', '--clear-groups'];

type Client = (times: number, bytes: string, how: 'at-once' | 'answered' | 'stays') => Promise<CommandResult>;

function clientOf(scope: Scope, daemon: Daemon, as: readonly string[]): Client {
  const fixture = placeFixture(scope, 'node/leaving-client.mjs');
  const { node } = readableByAll(scope);
  return async (times, bytes, how) => {
    const command = [...as, node, fixture, daemon.controlSocket, String(times), bytes, how];
    const result = await runCommand('env', command);
    assert.deepEqual([result.code, result.stderr], [0, '']);
    return result;
  };
}

async function leaveEverywhere(scope: Scope, daemon: Daemon, who: string, client: Client): Promise<void> {
  const { supervisor_pid: supervisor } = await daemon.status();
  // What its start has to say is said by then.
  await until(() => daemon.log().some(({ event }) => event === 'ready'), { what: 'the end of the start' });
  const open = openDescriptors(supervisor);
  const logged = daemon.log().length;
  for (const [where, bytes] of Object.entries(BEFORE_THE_ANSWER))
    await scope.test(`${who} leaves ${where}`, async () => void (await client(TIMES, bytes, 'at-once')));
  await scope.test(`${who} leaves during the answer`, async () => {
    await client(TIMES, `GET /v1/status ${HOST}\r\n`, 'answered');
    await client(TIMES, withBody('/v1/scale', BODY.length, BODY.slice(0, -1)), 'at-once');
  });
  await scope.test(`${who}: nothing is logged, and nothing stays open`, async () => {
    await until(() => openDescriptors(supervisor) <= open, {
      what: 'the connections to be closed',
      deadlineMs: 20_000,
      explain: () => `${openDescriptors(supervisor)} are open, ${open} were`,
    });
    assert.equal((await daemon.status()).supervisor_pid, supervisor);
    assert.deepEqual(
      daemon
        .log()
        .slice(logged)
        .map(({ msg }) => msg),
      [],
    );
  });
}

suite('integration/control-leaving', { needs: ['gcc', 'libfcgi'] }, async scope => {
  const hello = await helloPools(scope);
  const daemon = await startDaemon(scope, { pools: { www: hello('www') } });
  await leaveEverywhere(scope, daemon, "the supervisor's own user", clientOf(scope, daemon, []));
});

suite('integration/control-leaving-stranger', {
  needs: ['gcc', 'libfcgi', 'setpriv'],
  root: true,
}, async scope => {
  const hello = await helloPools(scope);
  const daemon = await startDaemon(scope, { pools: { www: hello('www') } });
  const stranger = clientOf(scope, daemon, STRANGER);
  const owner = clientOf(scope, daemon, [
    'setpriv',
    '--reuid=www-data',
    '--regid=www-data',
    '--clear-groups',
  ]);
  await leaveEverywhere(scope, daemon, 'a stranger', stranger);

  await scope.test('a stranger is refused before the body, and the connection is closed', async () => {
    for (const path of ['/v1/scale', '/v1/reload', '/v1/stop', '/v1/upgrade']) {
      const { stdout } = await stranger(1, withBody(path, 50, ''), 'stays');
      assert.match(stdout, /^HTTP\/1\.1 403 .*connection: close\r\n.*"NOT_ALLOWED"/is, path);
    }
  });

  await scope.test('a stranger who waits for leave to send a body is refused, not asked for it', async () => {
    const head = `POST /v1/reload ${HOST}expect: 100-continue\r\ncontent-length: 9\r\n\r\n`;
    assert.match((await stranger(1, head, 'stays')).stdout, /^HTTP\/1\.1 403 /);
  });

  await scope.test("the body of a pool's user is read only for what he may use at all", async () => {
    assert.match((await owner(1, withBody('/v1/stop', 50, ''), 'stays')).stdout, /^HTTP\/1\.1 403 /);
    const other = '{"pools":["other"]}';
    const close = `POST /v1/reload ${HOST}connection: close\r\ncontent-length: ${other.length}\r\n\r\n${other}`;
    assert.match((await owner(1, close, 'stays')).stdout, /^HTTP\/1\.1 403 /);
  });
});
