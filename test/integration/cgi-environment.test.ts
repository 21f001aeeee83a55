/** What a script is given: RFC 3875, section 4, as real scripts see it, over both protocols. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { type CgiHost, type CgiRequest, startCgiHost } from '../lib/cgi-host.ts';
import { until } from '../lib/poll.ts';
import { connectRaw, rawBody, rawRequest, readAnswer } from '../lib/raw-fastcgi.ts';
import { suite } from '../lib/suite.ts';

/** The environment that it was executed with, byte for byte: a shell would add to its own. */
const ENVIRONMENT = '#!/bin/sh\nprintf "Content-Type: text/plain\\n\\n"\ncat /proc/$$/environ\n';

async function environment(
  host: CgiHost,
  params: CgiRequest['params'] = {},
): Promise<Record<string, string>> {
  const { text } = await host.ask('environment.sh', { params });
  const pairs = text.split('\0').filter(pair => pair !== '');
  return Object.fromEntries(
    pairs.map(pair => [pair.slice(0, pair.indexOf('=')), pair.slice(pair.indexOf('=') + 1)]),
  );
}

for (const protocol of ['fastcgi', 'scgi'] as const) {
  suite(`integration/cgi-environment: ${protocol}`, {}, async scope => {
    const host = await startCgiHost(scope, {
      protocol,
      args: ['--env', 'SET=by us', '--pass-env', 'PASSED'],
      env: { PASSED: 'on', KEPT: 'back' },
    });
    const own = host.script('environment.sh', ENVIRONMENT);

    await scope.test('every variable of RFC 3875, section 4.1', async () => {
      const said = {
        AUTH_TYPE: 'Basic',
        CONTENT_TYPE: 'text/x',
        QUERY_STRING: 'a=1&b=%20',
        REMOTE_ADDR: '192.0.2.7',
        REMOTE_HOST: 'client.example',
        REMOTE_IDENT: 'me',
        REMOTE_USER: 'you',
        REQUEST_METHOD: 'PUT',
        SERVER_NAME: 'www.example',
        SERVER_PORT: '8443',
        SERVER_PROTOCOL: 'HTTP/2.0',
        SERVER_SOFTWARE: 'nginx/1',
        HTTP_ACCEPT: 'text/html',
        HTTP_COOKIE: 'a=b; c=d',
        HTTPS: 'on',
        REQUEST_URI: '/environment.sh/extra/path?a=1&b=%20',
      };
      const found = await environment(host, {
        ...said,
        SCRIPT_FILENAME: `${own}/extra/path`,
        SCRIPT_NAME: '/environment.sh/extra/path',
      });
      const { PATH, CONTENT_LENGTH, FPM_TS_TEST_MARK: _mark, ...rest } = found;
      assert.ok(PATH !== undefined);
      // SCGI always says a length.
      assert.equal(CONTENT_LENGTH, protocol === 'scgi' ? '0' : undefined);
      assert.deepEqual(rest, {
        ...said,
        GATEWAY_INTERFACE: 'CGI/1.1',
        SCRIPT_NAME: '/environment.sh',
        PATH_INFO: '/extra/path',
        PATH_TRANSLATED: `${host.root}/extra/path`,
        SCRIPT_FILENAME: own,
        DOCUMENT_ROOT: host.root,
        SET: 'by us',
        PASSED: 'on',
      });
    });

    await scope.test('of a server that says nothing of it, what must be there', async () => {
      const found = await environment(host, {
        REQUEST_METHOD: undefined,
        QUERY_STRING: undefined,
        SERVER_PROTOCOL: undefined,
        HTTP_HOST: 'www.example:81',
        REMOTE_ADDR: '192.0.2.7',
      });
      for (const [name, value] of Object.entries({
        GATEWAY_INTERFACE: 'CGI/1.1',
        QUERY_STRING: '',
        REMOTE_ADDR: '192.0.2.7',
        REMOTE_HOST: '192.0.2.7',
        REQUEST_METHOD: 'GET',
        SCRIPT_NAME: '/environment.sh',
        SERVER_NAME: 'www.example',
        SERVER_PORT: '81',
        SERVER_PROTOCOL: 'HTTP/1.0',
      }))
        assert.equal(found[name], value, name);
      assert.match(found.SERVER_SOFTWARE ?? '', /^fpm-ts\/\d/);
    });

    await scope.test('nothing of the host, of a loader, of another protocol; no HTTP_PROXY', async () => {
      const request = {
        HTTP_PROXY: 'http://evil/',
        LD_PRELOAD: '/tmp/evil.so',
        PERL5LIB: '/tmp',
        BASH_ENV: '/tmp/evil',
        PATH: '/tmp/evil',
        'X-Y': '1',
      };
      const found = await environment(host, request);
      for (const name of Object.keys(request)) if (name !== 'PATH') assert.ok(!(name in found), name);
      for (const name of ['KEPT', 'HOME', 'FCGI_ROLE', 'SCGI', 'LISTEN_FDS', 'NODE_OPTIONS'])
        assert.ok(!(name in found), name);
      assert.notEqual(found.PATH, '/tmp/evil');
      await host.said(/LD_PRELOAD of a request is not passed on to scripts.*--env/);
    });

    await scope.test('values are bytes, and may be long', async () => {
      const value = Buffer.from(Array.from({ length: 255 }, (_, at) => at + 1));
      const long = 'x'.repeat(100_000);
      const { body } = await host.ask('environment.sh', {
        params: { HTTP_X_BYTES: value, HTTP_X_LONG: long },
      });
      assert.ok(body.includes(Buffer.concat([Buffer.from('HTTP_X_BYTES='), value, Buffer.of(0)])));
      assert.ok(body.includes(`HTTP_X_LONG=${long}\0`));
    });

    await scope.test(
      'descriptors: its three, and the script itself; no terminal, no limit of ours',
      async () => {
        host.script(
          'descriptors.sh',
          '#!/bin/sh\nprintf "A: b\\n\\n"\nls /proc/$$/fd\nreadlink /proc/$$/fd/0\n',
        );
        const { text } = await host.ask('descriptors.sh');
        // 10 is the script as dash has opened it.
        assert.equal(text, '0\n1\n10\n2\n3\n/dev/null\n');
      },
    );

    await scope.test('its working directory is that of the script', async () => {
      mkdirSync(join(host.root, 'below'));
      host.script('below/pwd.sh', '#!/bin/sh\nprintf "A: b\\n\\n"\npwd -P\n');
      assert.equal((await host.ask('below/pwd.sh')).text, `${host.root}/below\n`);
    });

    await scope.test('FCGI_CHDIR says another, and is not passed on', async () => {
      host.script('pwd.sh', '#!/bin/sh\nprintf "A: b\\n\\n"\npwd -P; printenv FCGI_CHDIR || echo none\n');
      const params = { FCGI_CHDIR: host.shared };
      assert.equal((await host.ask('pwd.sh', { params })).text, `${host.shared}\nnone\n`);
      const closed = join(host.shared, 'closed');
      mkdirSync(closed, { mode: 0 });
      assert.equal((await host.ask('pwd.sh', { params: { FCGI_CHDIR: closed } })).status, 403);
      await host.said(
        /403: FCGI_CHDIR: open .*\/closed: .*EACCES.* must name a directory that uid \d+ may enter/,
      );
    });

    await scope.test('the body arrives whole, whatever its length', async () => {
      host.script('body.sh', '#!/bin/sh\nprintf "A: b\\n\\n%s\\n" "$CONTENT_LENGTH"\nsha256sum\n');
      for (const length of [1, 4096, 65_536, 65_537, 3_000_000]) {
        const body = Buffer.alloc(length, 'abcdefg\n');
        const digest = createHash('sha256').update(body).digest('hex');
        assert.equal((await host.ask('body.sh', { body })).text, `${length}\n${digest}  -\n`);
      }
    });

    await scope.test('a body that nobody reads is no error', async () => {
      host.script('ignores.sh', '#!/bin/sh\nexec <&-\nprintf "A: b\\n\\nignored"\n');
      const { text } = await host.ask('ignores.sh', { body: Buffer.alloc(3_000_000) });
      assert.equal(text, 'ignored');
    });

    await scope.test('a length that is none: 400', async () => {
      if (protocol === 'scgi') return; // the reader of SCGI has refused it
      const { status } = await host.ask('environment.sh', { params: { CONTENT_LENGTH: '-5' } });
      assert.equal(status, 400);
      await host.said(/400: CONTENT_LENGTH is not a number of bytes: -5/);
    });
  });
}

suite('integration/cgi-environment: bodies of FastCGI', {}, async scope => {
  const host = await startCgiHost(scope);
  host.script('count.sh', '#!/bin/sh\nprintf "A: b\\n\\n"\nprintenv CONTENT_LENGTH || echo unset\nwc -c\n');

  await scope.test('more than CONTENT_LENGTH says does not reach the script', async () => {
    const socket = await connectRaw(scope, host.address);
    const params = { SCRIPT_FILENAME: `${host.root}/count.sh`, CONTENT_LENGTH: '5' };
    socket.write(rawRequest({ params, body: Buffer.from('123456789') }));
    assert.equal((await readAnswer(socket)).stdout, 'A: b\r\n\r\n5\n5\n');
  });

  await scope.test(
    'less than it says: the script is ended, and nobody takes its answer for one',
    async () => {
      host.script('waits.sh', '#!/bin/sh\ncat >/dev/null\nprintf "A: b\n\n"\necho whole\n');
      const socket = await connectRaw(scope, host.address);
      const params = { SCRIPT_FILENAME: `${host.root}/waits.sh`, CONTENT_LENGTH: '5' };
      socket.write(rawRequest({ params, body: Buffer.from('1234') }));
      assert.match((await readAnswer(socket)).stdout, /^Status: 400 /);
      await host.said(/400: .*waits\.sh: the body of its request is shorter than CONTENT_LENGTH/);
      await until(() => host.children().length === 0, { what: 'the script to be ended' });
    },
  );

  await scope.test(
    'the answer begins with the last byte that was said, whether the body is ended or not',
    async () => {
      const go = join(host.shared, 'go');
      const waits = `while ! [ -e ${go} ]; do sleep 0.05; done`;
      host.script('begins.sh', `#!/bin/sh\ncat >/dev/null\nprintf 'A: b\\n\\nbegun\\n'\n${waits}\n`);
      const socket = await connectRaw(scope, host.address);
      const params = { SCRIPT_FILENAME: `${host.root}/begins.sh`, CONTENT_LENGTH: '5' };
      socket.write(Buffer.concat([rawRequest({ params, body: null }), rawBody(Buffer.from('12345'))]));
      const [begun] = (await once(socket, 'data')) as [Buffer];
      assert.match(begun.toString(), /begun/);
      writeFileSync(go, '');
      assert.ok((await readAnswer(socket)).isWhole);
    },
  );

  await scope.test('a length that was not said: until the body ends', async () => {
    const pieces = Array.from({ length: 50 }, () => Buffer.alloc(10_000));
    assert.equal((await host.ask('count.sh', { body: Readable.from(pieces) })).text, 'unset\n500000\n');
  });

  await scope.test('no length and no body: nothing to read', async () => {
    assert.equal((await host.ask('count.sh', { body: Readable.from([]) })).text, 'unset\n0\n');
  });
});
