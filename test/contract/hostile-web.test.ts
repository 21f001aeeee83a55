/**
 * What a client of the web may try on scripts and responders behind a real web server: a way out of the root, requests
 * within requests, fields that become something else, heads that are too large, bodies that never end, answers that
 * nobody reads. Nothing but the scripts of the root is run, once for each request, and other clients are served.
 */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { chmodSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { placeFixture } from '../lib/fixtures.ts';
import { ask } from '../lib/http.ts';
import { until } from '../lib/poll.ts';
import { descendants } from '../lib/processes.ts';
import { workerPids } from '../lib/status.ts';
import type { Scope } from '../lib/suite.ts';
import { type CgiProtocol, type CgiSite, startCgiSite, suitePerServer, type WebServer } from './cgi-site.ts';

const SECRET = 'this is not for clients';
const sh = (text: string): string => `#!/bin/sh\nprintf 'Content-Type: text/plain\\n\\n'\n${text}\n`;

interface Site extends CgiSite {
  /** Each run of runs.sh adds its query as a line. */
  readonly runs: string;
}

function script(path: string, text: string): void {
  writeFileSync(path, text);
  chmodSync(path, 0o755);
}

async function startSite(scope: Scope, web: WebServer, protocol: CgiProtocol): Promise<Site> {
  const scripts = placeFixture(scope, 'cgi-bin');
  const pages = join(scope.dir, web === 'nginx' ? 'www' : 'lighttpd/www');
  mkdirSync(pages, { recursive: true });
  const runs = join(scope.dir, 'runs');
  writeFileSync(runs, '');
  chmodSync(runs, 0o666);
  // One level above the scripts, and one above the pages.
  for (const above of [join(scripts, '..'), join(pages, '..')])
    script(join(above, 'secret.sh'), sh(`echo ${SECRET}`));
  symlinkSync('../secret.sh', join(scripts, 'out.sh'));
  script(join(scripts, 'runs.sh'), sh(`echo "$QUERY_STRING" >> ${runs}; cat > /dev/null; echo ran`));
  const nginxFiles = { '/srv$uri': `${join(scripts, '..')}$uri`, '/srv/www': pages };
  const site = await startCgiSite(
    scope,
    { example: 'cgi', web, protocol },
    {
      forServer: web === 'nginx' ? nginxFiles : { '/srv/cgi-bin': scripts },
      forPool: { '/srv/cgi-bin': scripts, '/srv/www': pages },
    },
  );
  return { ...site, runs };
}

/** A connection to the web server on which anything may be sent. */
async function open(scope: Scope, { server }: Site): Promise<{ socket: Socket; said: () => string }> {
  const socket = connect({ port: Number(new URL(server.url).port), host: '127.0.0.1', allowHalfOpen: true });
  scope.defer(() => void socket.destroy());
  let text = '';
  socket.on('error', () => {}).on('data', chunk => (text += chunk.toString('latin1')));
  await once(socket, 'connect');
  return { socket, said: () => text };
}

/** Sends bytes and reads until the web server has closed the connection. */
async function exchange(scope: Scope, site: Site, bytes: string): Promise<string> {
  const { socket, said } = await open(scope, site);
  const closed = once(socket, 'close');
  socket.write(bytes, 'latin1');
  socket.once('end', () => socket.end());
  await closed;
  return said();
}

const get = (target: string, fields = ''): string =>
  `GET ${target} HTTP/1.1\r\nHost: a\r\n${fields}Connection: close\r\n\r\n`;

async function assertServes({ server }: Site): Promise<void> {
  assert.equal((await ask(`${server.url}/cgi-bin/env.sh`)).status, 200);
}

suitePerServer('hostile-web', ['python3'], async (scope, web, protocol) => {
  const site = await startSite(scope, web, protocol);
  await testWaysOut(scope, site);
  await testFields(scope, site);
  await testRequestsWithinRequests(scope, site);
  await testSizes(scope, site);
  await testSlowClients(scope, site);
});

async function testWaysOut(scope: Scope, site: Site): Promise<void> {
  for (const target of [
    '/cgi-bin/../secret.sh',
    '/cgi-bin/%2e%2e/secret.sh',
    '/cgi-bin/..%2fsecret.sh',
    '/cgi-bin/%252e%252e%252fsecret.sh',
    '/cgi-bin/..%5csecret.sh',
    '/cgi-bin/.%00./secret.sh',
    '/cgi-bin/env.sh%00/../../secret.sh',
    '/cgi-bin/env.sh/../../secret.sh',
    '/cgi-bin/env.sh/..%2f..%2fsecret.sh',
    '/cgi-bin/.../...//secret.sh',
    '/cgi-bin/%c0%ae%c0%ae/secret.sh',
    '/cgi-bin//proc/self/root/bin/sh',
    '/cgi-bin/out.sh',
    '//cgi-bin/../cgi-bin/../secret.sh',
    '/cgi-bin\\..\\secret.sh',
    'http://a/cgi-bin/../secret.sh',
    '/page.cgi/../../secret.sh/.php',
    '/../secret.sh/x.php',
  ]) {
    await scope.test(`${target} leads to nothing outside`, async () => {
      const answer = await exchange(scope, site, get(target));
      assert.ok(!answer.includes(SECRET), answer);
      const [, status] = /^HTTP\/1\.1 (\d+)/.exec(answer) ?? [];
      // Where it is further path of a script, that script is run and told so.
      if (status === '200') assert.match(answer, /^SCRIPT_FILENAME=\S+\/cgi-bin\/env\.sh$/m);
      else assert.match(status ?? '', /^40[034]$/, answer);
    });
  }
  await assertServes(site);
}

async function testFields(scope: Scope, site: Site): Promise<void> {
  await scope.test('a field becomes HTTP_ and its name, or nothing', async () => {
    const hostile = [
      'Ld-Preload',
      'Script-Filename',
      'Proxy',
      'Path-Info',
      'Bash_Func_x%%',
      'Ifs',
      'Document-Root',
    ];
    const answer = await exchange(
      scope,
      site,
      get('/cgi-bin/env.sh', hostile.map(name => `${name}: /evil\r\n`).join('')),
    );
    assert.match(answer, /^HTTP\/1\.1 200 /, answer);
    const evil =
      answer
        .split('\r\n\r\n', 2)[1]
        ?.split('\n')
        .filter(line => line.includes('/evil')) ?? [];
    assert.ok(evil.length > 0, answer);
    for (const line of evil) assert.match(line, /^HTTP_[A-Z_]+=\/evil\r?$/);
    assert.ok(!evil.some(line => line.startsWith('HTTP_PROXY=')), evil.join(' '));
  });

  await scope.test('line ends in a path and in a query become no field of the answer', async () => {
    const line = '%0d%0aX-Injected:%20yes%0d%0a%0d%0a';
    for (const target of [`/cgi-bin/env.sh/${line}`, `/cgi-bin/env.sh?a=${line}`, `/cgi-bin/none${line}`]) {
      const [head = ''] = (await exchange(scope, site, get(target))).split('\r\n\r\n');
      assert.match(head, /^HTTP\/1\.1 \d+/);
      assert.doesNotMatch(head, /x-injected/i);
    }
  });
}

async function testRequestsWithinRequests(scope: Scope, site: Site): Promise<void> {
  const hidden = 'GET /cgi-bin/runs.sh?hidden HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n';
  const post = (fields: string, body: string): string =>
    `POST /cgi-bin/runs.sh?sent HTTP/1.1\r\nHost: a\r\n${fields}\r\n${body}`;
  for (const [name, bytes] of [
    [
      'within a body by Content-Length',
      post(`Content-Length: ${hidden.length}\r\nConnection: close\r\n`, hidden),
    ],
    [
      'two lengths',
      post(`Content-Length: 0\r\nContent-Length: ${hidden.length}\r\nConnection: close\r\n`, hidden),
    ],
    ['a length of two', post(`Content-Length: 0, ${hidden.length}\r\nConnection: close\r\n`, hidden)],
    ['a length with a sign', post(`Content-Length: +${hidden.length}\r\nConnection: close\r\n`, hidden)],
    [
      'a length and chunks',
      post('Content-Length: 5\r\nTransfer-Encoding: chunked\r\n', `0\r\n\r\n${hidden}`),
    ],
    [
      'chunks by another name',
      post('Transfer-Encoding: xchunked\r\nContent-Length: 5\r\n', `0\r\n\r\n${hidden}`),
    ],
    [
      'chunks behind a tab',
      post('Transfer-Encoding:\tchunked\r\nConnection: close\r\n', `0\r\n\r\n${hidden}`),
    ],
    ['a length in an underscore', post(`Content_Length: ${hidden.length}\r\nContent-Length: 0\r\n`, hidden)],
  ] as const) {
    await scope.test(`a request within a request: ${name}`, async () => {
      writeFileSync(site.runs, '');
      const answer = await exchange(scope, site, bytes);
      const ran = readFileSync(site.runs, 'utf8').split('\n').slice(0, -1);
      // Whatever the web server takes for requests: it answers as many as scripts have run.
      assert.equal(answer.match(/^ran$/gm)?.length ?? 0, ran.length, `${ran.join(' ')}\n${answer}`);
      if (answer.split('HTTP/1.1 ').length <= 2) assert.ok(!ran.includes('hidden'), answer);
    });
  }
  await assertServes(site);
}

async function testSizes(scope: Scope, site: Site): Promise<void> {
  await scope.test('a head of a megabyte, a target of a hundred thousand, a thousand fields', async () => {
    const many = Array.from({ length: 1000 }, (_, at) => `X-${at}: ${at}\r\n`).join('');
    for (const bytes of [
      get('/cgi-bin/env.sh', `X: ${'x'.repeat(1_000_000)}\r\n`),
      get(`/cgi-bin/env.sh?${'x'.repeat(100_000)}`),
      get(`/cgi-bin/${'a/'.repeat(2000)}env.sh`),
      get('/cgi-bin/env.sh', many),
    ]) {
      const answer = await exchange(scope, site, bytes);
      assert.match(answer, /^(HTTP\/1\.[01] (200|4\d\d) |$)/, answer.slice(0, 200));
      await assertServes(site);
    }
  });
}

const STALLED = 100;

async function testSlowClients(scope: Scope, site: Site): Promise<void> {
  const [host = 0] = workerPids(await site.daemon.status(), site.pool);

  await scope.test('a hundred bodies that do not go on hold no place of a script', async () => {
    const head = 'POST /cgi-bin/runs.sh?stalled HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\n';
    const stalled = await Promise.all(Array.from({ length: STALLED }, () => open(scope, site)));
    for (const { socket } of stalled) socket.write(`${head}begun`);
    for (let at = 0; at < 10; at++) await assertServes(site);
    await until(() => descendants(host).length === 0, { what: 'no script to be left' });
    assert.ok(!readFileSync(site.runs, 'utf8').includes('stalled'));
    for (const { socket } of stalled) socket.destroy();
  });

  await scope.test('a head that comes byte by byte, one that never ends, and half a connection', async () => {
    const slow = await open(scope, site);
    slow.socket.write('GET /cgi-bin/env.sh HTTP/1.1\r\nX: ');
    const half = await open(scope, site);
    half.socket.end(get('/cgi-bin/env.sh'));
    await assertServes(site);
    for (const byte of 'y\r\nHost: a\r\nConnection: close\r\n\r\n') {
      slow.socket.write(byte);
      await new Promise(setImmediate);
    }
    await until(() => slow.said().includes('SCRIPT_NAME=/cgi-bin/env.sh'), { what: 'the answer' });
    await until(() => half.socket.closed, { what: 'its end' });
    await assertServes(site);
  });

  await scope.test('answers that nobody reads hold up nobody, and take no memory of the host', async () => {
    const deaf = await Promise.all(Array.from({ length: 20 }, () => open(scope, site)));
    for (const { socket } of deaf) {
      socket.pause();
      socket.write(get('/cgi-bin/large.sh?20000000'));
    }
    for (let at = 0; at < 10; at++) await assertServes(site);
    const [, peak] = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${host}/status`, 'utf8')) ?? [];
    assert.ok(Number(peak) < 200_000, `${peak} kB`);
    for (const { socket } of deaf) socket.destroy();
    await until(() => descendants(host).length === 0, { what: 'their scripts to be ended' });
    await assertServes(site);
  });
}
