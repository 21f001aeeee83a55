/** What scripts in sh, Perl, Python and PHP must do behind every web server, over every protocol. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { type IncomingMessage, request } from 'node:http';
import { join } from 'node:path';
import { ask, md5, upload } from '../lib/http.ts';
import { until } from '../lib/poll.ts';
import type { Scope } from '../lib/suite.ts';
import type { CgiSite } from './cgi-site.ts';

export interface Site extends CgiSite {
  /** Where "/cgi-bin/" and "/" lie. */
  readonly scripts: string;
  readonly pages: string;
}

const FORM = { 'content-type': 'application/x-www-form-urlencoded' };

/** The lines "NAME=value" of an answer. */
export function lines(text: string): Map<string, string> {
  return new Map(
    text.split('\n').map(line => [line.split('=', 1)[0] ?? '', line.slice(line.indexOf('=') + 1)]),
  );
}

export async function testEnvironment(
  scope: Scope,
  { server, web, protocol, scripts, pages }: Site,
): Promise<void> {
  await scope.test('a sh script is given the whole environment of CGI/1.1', async () => {
    const url = new URL(`${server.url}/cgi-bin/env.sh/a/b%20c?x=1&y=%C3%A4+z`);
    const headers = { 'x-colour': 'blue', cookie: 'a=b; c=d', proxy: 'http://evil.example/' };
    const answer = await ask(url.href, { headers });
    assert.equal(answer.status, 200, answer.text);
    const said = lines(answer.text);
    const expected = {
      GATEWAY_INTERFACE: 'CGI/1.1',
      SERVER_PROTOCOL: 'HTTP/1.1',
      REQUEST_METHOD: 'GET',
      QUERY_STRING: 'x=1&y=%C3%A4+z',
      SCRIPT_NAME: '/cgi-bin/env.sh',
      SCRIPT_FILENAME: `${scripts}/env.sh`,
      PATH_INFO: '/a/b c',
      REMOTE_ADDR: '127.0.0.1',
      SERVER_PORT: url.port,
      HTTP_X_COLOUR: 'blue',
      HTTP_COOKIE: 'a=b; c=d',
      HTTP_PROXY: undefined,
      cwd: scripts,
    };
    const seen = Object.fromEntries(Object.keys(expected).map(name => [name, said.get(name)]));
    assert.deepEqual(seen, expected);
    assert.ok([undefined, '', '0'].includes(said.get('CONTENT_LENGTH')), 'there is no body');
    // nginx says nothing of itself over SCGI.
    const software = `${web}/${protocol}` === 'nginx/scgi' ? 'fpm-ts' : web;
    assert.match(said.get('SERVER_SOFTWARE') ?? '', new RegExp(`^${software}/`));
    assert.match(said.get('SERVER_NAME') ?? '', /./);
    assert.equal(said.get('PATH_TRANSLATED'), join(said.get('DOCUMENT_ROOT') ?? '', 'a/b c'));
    assert.match(said.get('PATH') ?? '', /\/usr\/bin/);
  });

  await scope.test(
    'without a query string and further path too; scripts below a directory, and among the pages',
    async () => {
      for (const [path, name, file, extra] of [
        ['/cgi-bin/env.sh', '/cgi-bin/env.sh', `${scripts}/env.sh`, ''],
        ['/cgi-bin/shop/list.cgi', '/cgi-bin/shop/list.cgi', `${scripts}/shop/list.cgi`, ''],
        ['/cgi-bin/shop/list.cgi/42/', '/cgi-bin/shop/list.cgi', `${scripts}/shop/list.cgi`, '/42/'],
        ['/page.cgi', '/page.cgi', `${pages}/page.cgi`, ''],
        ['/page.cgi/a.cgi/b', '/page.cgi', `${pages}/page.cgi`, '/a.cgi/b'],
      ] as const) {
        const answer = await ask(`${server.url}${path}`);
        assert.equal(answer.status, 200, `${path}: ${answer.text}`);
        const said = lines(answer.text);
        assert.deepEqual(
          ['SCRIPT_NAME', 'SCRIPT_FILENAME', 'QUERY_STRING'].map(variable => said.get(variable)),
          [name, file, ''],
          path,
        );
        assert.equal(said.get('PATH_INFO') ?? '', extra, path);
      }
    },
  );

  await scope.test('what is no script is not run', async () => {
    for (const [path, status] of [
      ['/cgi-bin/nothing.sh', 404],
      ['/nothing.cgi', 404],
      ['/cgi-bin/shop/', 403],
      ['/cgi-bin/data.txt', 403],
    ] as const)
      assert.equal((await ask(`${server.url}${path}`)).status, status, path);
  });
}

export async function testPerl(scope: Scope, { server, protocol, web, daemon }: Site): Promise<void> {
  const form = `${server.url}/cgi-bin/form.pl`;

  await scope.test('CGI.pm reads a form: GET, POST, several values, UTF-8', async () => {
    const fields = new URLSearchParams([
      ['name', 'Jürgen & Söhne'],
      ['tick', 'a'],
      ['tick', 'b'],
    ]).toString();
    for (const answer of [await ask(`${form}?${fields}`), await ask(form, { body: fields, headers: FORM })]) {
      assert.equal(answer.status, 200, answer.text);
      assert.equal(answer.headers['content-type'], 'text/plain; charset=utf-8');
      assert.equal(answer.text, 'visits 1\nself /cgi-bin/form.pl\nname=Jürgen & Söhne\ntick=a|b\n');
    }
  });

  await scope.test('CGI.pm takes files of several megabytes', async () => {
    const large = new Uint8Array(randomBytes(8_000_000));
    const small = new Uint8Array([0, 13, 10, 255]);
    const answer = await upload(form, [
      { field: 'large', name: 'large.bin', content: large },
      { field: 'small', name: 'smäll.bin', content: small },
    ]);
    assert.equal(
      answer.text,
      `visits 1\nself /cgi-bin/form.pl\nlarge: large.bin 8000000 ${md5(large)}\nsmall: smäll.bin 4 ${md5(small)}\n`,
    );
  });

  await scope.test('CGI.pm sets two cookies, and finds them again', async () => {
    const first = await ask(form);
    assert.deepEqual(
      first.headers['set-cookie'],
      ['visits=1; path=/cgi-bin/form.pl', 'last=a%20b; path=/cgi-bin/form.pl'].map(cookie =>
        cookie.replace('path=/cgi-bin/form.pl', 'path=/'),
      ),
    );
    const cookie = (first.headers['set-cookie'] ?? []).map(line => line.split(';')[0]).join('; ');
    assert.match((await ask(form, { headers: { cookie } })).text, /^visits 2$/m);
  });

  await scope.test('CGI.pm redirects', async () => {
    const answer = await ask(`${form}?go=http://example.org/a%3Fb=c`);
    assert.deepEqual([answer.status, answer.headers.location], [303, 'http://example.org/a?b=c']);
  });

  await scope.test('what a script says on stderr is in the log', async () => {
    const answer = await ask(`${server.url}/cgi-bin/complains.pl`);
    assert.deepEqual([answer.status, answer.text], [200, 'answered\n']);
    await until(() => daemon.log().some(({ msg }) => msg?.includes('the form has no name')), {
      what: "the pool's log",
    });
    // SCGI has no way to the web server for it.
    if (protocol === 'fastcgi')
      await until(() => server.errors().includes('the form has no name'), { what: `${web}'s error log` });
  });

  await scope.test('a script that dies before it has said anything is 502', async () => {
    assert.equal((await ask(`${server.url}/cgi-bin/dies.pl`)).status, 502);
  });
}

export async function testPython(scope: Scope, { server }: Site): Promise<void> {
  const url = `${server.url}/cgi-bin/body.py`;

  await scope.test('a Python script reads ten megabytes, a few bytes, none', async () => {
    for (const length of [10_000_000, 5, 0]) {
      const body = randomBytes(length);
      const answer = await ask(`${url}?n=${length}`, {
        body,
        headers: { 'content-type': 'application/octet-stream' },
      });
      assert.equal(answer.status, 200, answer.text);
      const said = JSON.parse(answer.text) as Record<string, unknown>;
      assert.deepEqual([said.length, said.md5, said.request_method], [length, md5(body), 'POST']);
      assert.equal(said.content_length, String(length));
    }
  });

  await scope.test('its body may come in chunks, of a length that nobody knows', async () => {
    const body = randomBytes(3_000_000);
    const outgoing = request(url, { method: 'PUT', agent: false });
    for (let at = 0; at < body.length; at += 100_001) outgoing.write(body.subarray(at, at + 100_001));
    outgoing.end();
    const [incoming] = (await once(outgoing, 'response')) as [IncomingMessage];
    const said = JSON.parse(Buffer.concat(await incoming.toArray()).toString()) as Record<string, unknown>;
    assert.deepEqual([incoming.statusCode, said.length, said.md5], [200, body.length, md5(body)]);
  });

  await scope.test('one that begins to answer and then reads its body is sent all of it', async () => {
    const body = randomBytes(20_000_000);
    const answer = await ask(`${server.url}/cgi-bin/early.py`, { body });
    assert.deepEqual([answer.status, answer.text], [200, `begun\n${body.length} ${md5(body)}\n`]);
  });

  await scope.test('one that does not read its body is heard all the same', async () => {
    const answer = await ask(`${server.url}/cgi-bin/early.py?none`, { body: randomBytes(20_000_000) });
    assert.deepEqual([answer.status, answer.complete, answer.text], [200, true, `begun\n0 ${md5('')}\n`]);
  });

  await scope.test('its own 404 comes through', async () => {
    const answer = await ask(`${url}?missing`);
    assert.deepEqual([answer.status, (JSON.parse(answer.text) as { length: number }).length], [404, 0]);
  });

  await scope.test('HEAD has the head and no body', async () => {
    const answer = await ask(url, { method: 'HEAD' });
    assert.deepEqual(
      [answer.status, answer.headers['content-type'], answer.text],
      [200, 'application/json', ''],
    );
  });
}

export async function testPhp(scope: Scope, { server }: Site): Promise<void> {
  await scope.test('php-cgi as the interpreter of files without run bit', async () => {
    const answer = await ask(`${server.url}/cgi-bin/php/echo.php?a=1&b=%C3%A4`);
    assert.equal(answer.status, 200, answer.text);
    const { method, query } = JSON.parse(answer.text) as { method: string; query: unknown };
    assert.deepEqual([method, query], ['GET', { a: '1', b: 'ä' }]);
  });

  await scope.test('php-cgi takes a body and a file', async () => {
    const body = randomBytes(5_000_000);
    const posted = await ask(`${server.url}/php/body.php`, {
      body,
      headers: { 'content-type': 'application/octet-stream' },
    });
    assert.deepEqual(JSON.parse(posted.text), { length: body.length, md5: md5(body) });
    const content = new Uint8Array(randomBytes(1_500_000));
    const sent = await upload(`${server.url}/php/upload.php`, [{ field: 'file', name: 'a.bin', content }]);
    assert.deepEqual(JSON.parse(sent.text), {
      file: { name: 'a.bin', error: 0, size: content.length, md5: md5(content) },
    });
  });

  await scope.test('php-cgi in the first line of a script', async () => {
    const answer = await ask(`${server.url}/cgi-bin/shebang.php/x/y`, {
      body: 'a=1&b=%C3%A4',
      headers: FORM,
    });
    assert.equal(answer.status, 200, answer.text);
    assert.deepEqual(JSON.parse(answer.text), { method: 'POST', post: { a: '1', b: 'ä' }, path: '/x/y' });
  });

  await scope.test("a PHP script's own 404", async () => {
    const answer = await ask(`${server.url}/php/missing.php`);
    assert.deepEqual([answer.status, answer.text], [404, 'nothing here']);
  });
}
