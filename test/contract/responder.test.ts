/** Programs that use fpm-ts/responder behind nginx and lighttpd, in FastCGI and SCGI. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { type IncomingMessage, request } from 'node:http';
import { dirname, join } from 'node:path';
import { replaceAll } from '../lib/example.ts';
import { ask } from '../lib/http.ts';
import { install } from '../lib/installed.ts';
import { startLighttpd } from '../lib/lighttpd.ts';
import { startNginx } from '../lib/nginx.ts';
import { EXAMPLES, FIXTURES } from '../lib/paths.ts';
import { until } from '../lib/poll.ts';
import { workerPids } from '../lib/status.ts';
import { type Scope, suite } from '../lib/suite.ts';
import { type Deployment, deployUnix, runDirectory } from './deploy.ts';
import { testResponder } from './responder-steps.ts';

type Protocol = 'fastcgi' | 'scgi';

/** The example's pool with the example's program, and fpm-ts where `npm install` in the program's directory puts it. */
async function deployExample(scope: Scope, protocol: Protocol): Promise<Deployment> {
  const { node, main } = install(scope);
  const packages = join(scope.dir, 'app/node_modules');
  mkdirSync(packages, { recursive: true, mode: 0o755 });
  symlinkSync(dirname(dirname(main)), join(packages, 'fpm-ts'));
  placeProgram(scope, join(EXAMPLES, 'responder.mjs'), protocol);
  return await deployUnix(scope, 'responder', {
    '"/usr/bin/node"': `"${node}"`,
    'protocol = "fastcgi"': `protocol = "${protocol}"`,
    'pm.max_children       = 2': 'pm.max_children = 1', // so that one request can help another one
    '/srv/app': join(scope.dir, 'app'),
  });
}

function placeProgram(scope: Scope, source: string, protocol: Protocol): void {
  const replacements = { "protocol: 'fastcgi'": `protocol: '${protocol}'` };
  const text = replaceAll(readFileSync(source, 'utf8'), replacements, source);
  writeFileSync(join(scope.dir, 'app/responder.mjs'), text);
}

/** The address of the program through each web server, with the example that is for it. */
const FRONTS: readonly (readonly ['nginx' | 'lighttpd', Protocol, string])[] = [
  ['nginx', 'fastcgi', 'nginx-responder.conf'],
  ['nginx', 'scgi', 'nginx-scgi.conf'],
  ['lighttpd', 'fastcgi', 'lighttpd-responder.conf'],
  ['lighttpd', 'scgi', 'lighttpd-scgi.conf'],
];

async function startFront(scope: Scope, server: 'nginx' | 'lighttpd', example: string): Promise<string> {
  const socket = join(runDirectory(scope), 'responder.sock');
  const stem = example.includes('scgi') ? 'scgi' : 'responder';
  const replacements = { [`/run/fpm-ts/${stem}.sock`]: socket };
  const start = server === 'nginx' ? startNginx : startLighttpd;
  return `${(await start(scope, example, replacements)).url}/app`;
}

for (const [server, protocol, example] of FRONTS) {
  suite(`contract/${server}-responder over ${protocol}`, { needs: [server] }, async scope => {
    const deployment = await deployExample(scope, protocol);
    const url = await startFront(scope, server, example);
    await testExample(scope, url, deployment);
    placeProgram(scope, join(FIXTURES, 'node/responder.mjs'), protocol);
    const reloaded = await deployment.daemon.cli('reload');
    assert.equal(reloaded.code, 0, reloaded.stdout + reloaded.stderr);
    await testResponder(scope, deployment, `${url}/some/path`, 'node');
    await testAnswers(scope, url);
    await testErrors(scope, url, deployment, example === 'nginx-responder.conf');
    if (protocol === 'fastcgi') await testStreamedAnswer(scope, url);
    if (example === 'nginx-responder.conf') await testStreamedBody(scope, url);
    if (server === 'nginx') await testLeaving(scope, url);
  });
}

async function testExample(scope: Scope, url: string, { daemon, pool }: Deployment): Promise<void> {
  await scope.test('the program of examples/ answers', async () => {
    const { text } = await ask(`${url}/x?a=1`, { body: 'and more', headers: { host: 'example.org' } });
    const [, pid, rest] = /^Hello from (\d+): (.*)\n$/.exec(text) ?? [];
    assert.equal(rest, 'POST http://example.org/app/x?a=1 and more', text);
    assert.ok(workerPids(await daemon.status(), pool).includes(Number(pid)));
  });
}

async function testAnswers(scope: Scope, url: string): Promise<void> {
  await scope.test('the address is the one that the client asked for', async () => {
    const { text } = await ask(`${url}/%C3%A4?b=%20`, { headers: { host: 'example.org' } });
    assert.match(text, /^url http:\/\/example\.org\/app\/%C3%A4\?b=%20$/m);
  });

  await scope.test('two cookies are two', async () => {
    assert.deepEqual((await ask(`${url}/cookies`)).headers['set-cookie'], ['a=1', 'b=2']);
  });

  await scope.test('a redirect reaches the client, also one within the site', async () => {
    const { status, headers } = await ask(`${url}/redirect`);
    assert.equal(status, 302);
    assert.match(headers.location ?? '', /^(http:\/\/127\.0\.0\.1:\d+)?\/elsewhere$/);
  });

  await scope.test('204, 304 and HEAD have no body', async () => {
    const none = async (path: string, method = 'GET'): Promise<unknown[]> => {
      const { status, text, complete } = await ask(`${url}${path}`, { method });
      return [status, text, complete];
    };
    assert.deepEqual(await none('/no-content'), [204, '', true]);
    assert.deepEqual(await none('/not-modified'), [304, '', true]);
    assert.deepEqual(await none('/length', 'HEAD'), [200, '', true]);
  });

  await scope.test('a Host that is none is refused by somebody, and the next one is answered', async () => {
    for (const host of ['a@b', 'a/b', 'a b', '[', '%'])
      assert.equal((await ask(`${url}/`, { headers: { host } })).status, 400, host);
    assert.equal((await ask(`${url}/`)).status, 200);
  });
}

async function testErrors(
  scope: Scope,
  url: string,
  { daemon }: Deployment,
  tellsTheEnd: boolean,
): Promise<void> {
  const logged = (text: string): Promise<unknown> =>
    until(() => daemon.log().some(record => record.msg?.includes(text)), { what: `${text} in the log` });

  await scope.test('an error is 500 for the client and a line for the log', async () => {
    const { status, text } = await ask(`${url}/throw`);
    assert.deepEqual([status, text], [500, 'Internal Server Error\n']);
    await logged('GET /app/throw: Error: this is not for the client (');
  });

  await scope.test('a rejected promise that nobody waits for is a line for the log, and no end', async () => {
    assert.equal((await ask(`${url}/stray`)).text, 'sent\n');
    await logged('a rejected promise that nobody handles: Error: nobody waits for this (');
    assert.equal((await ask(`${url}/`)).status, 200);
  });

  await scope.test('an answer that breaks off is no whole one for the client', async () => {
    assert.equal(await isWhole(`${url}/cut-short`), false);
    // Without a length it takes a web server that asks for the end of the request: with SCGI there is none to ask for,
    // and lighttpd does not when all of it has come at once.
    if (tellsTheEnd) assert.equal(await isWhole(`${url}/cut`), false);
    await logged('GET /app/cut-short: Error: in the middle (');
  });
}

/** Whether the web server let the client believe that it has all of the answer. */
async function isWhole(url: string): Promise<boolean> {
  try {
    const { complete, status } = await ask(url);
    return complete && status < 500;
  } catch {
    return false; // closed before it had sent anything
  }
}

async function testStreamedAnswer(scope: Scope, url: string): Promise<void> {
  await scope.test('what is sent arrives before the answer is over', async () => {
    const incoming = await open(`${url}/pieces`);
    const ended = once(incoming, 'end'); // perhaps before the help itself is answered
    let said = '';
    incoming.setEncoding('utf8').on('data', (chunk: string) => {
      said += chunk;
    });
    await until(() => said === 'first\n', { what: 'the first piece', explain: () => said });
    assert.equal((await ask(`${url}/go`)).status, 200);
    await ended;
    assert.equal(said, 'first\nsecond\n');
  });
}

/** lighttpd wants to know how long a body is (411) before it passes any of it on. */
async function testStreamedBody(scope: Scope, url: string): Promise<void> {
  await scope.test('a body comes back as it is sent, piece by piece', async () => {
    const outgoing = request(`${url}/echo`, { method: 'POST', agent: false });
    outgoing.write('one\n');
    const [incoming] = (await once(outgoing, 'response')) as [IncomingMessage];
    let said = '';
    incoming.setEncoding('utf8').on('data', (chunk: string) => {
      said += chunk;
    });
    await until(() => said === 'one\n', { what: 'the first piece', explain: () => said });
    outgoing.end('two\n');
    await once(incoming, 'end');
    assert.equal(said, 'one\ntwo\n');
  });
}

/** lighttpd 1.4.69 may keep its connection to the program although the client's was reset. */
async function testLeaving(scope: Scope, url: string): Promise<void> {
  await scope.test('a client that goes away aborts the signal of its request', async () => {
    const leaving = request(`${url}/hang`, { agent: false });
    leaving.on('error', () => {}); // it is what we do to it
    leaving.end();
    const left = (text: string): Promise<unknown> =>
      until(async () => (await ask(`${url}/left`)).text === text, { what: text });
    await left('0 of 1\n');
    leaving.destroy();
    await left('1 of 1\n');
  });
}

async function open(url: string): Promise<IncomingMessage> {
  const outgoing = request(url, { agent: false });
  outgoing.end();
  const [incoming] = (await once(outgoing, 'response')) as [IncomingMessage];
  return incoming;
}
