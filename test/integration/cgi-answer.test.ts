/** What becomes of what a script writes: RFC 3875, section 6, by real scripts, over both protocols. */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { startCgiHost } from '../lib/cgi-host.ts';
import { until } from '../lib/poll.ts';
import { suite } from '../lib/suite.ts';

const sh = (...lines: readonly string[]): string => `#!/bin/sh\n${lines.join('\n')}\n`;
const HEAD = 'printf "Content-Type: text/plain\\n\\n"';

for (const protocol of ['fastcgi', 'scgi'] as const) {
  suite(`integration/cgi-answer: ${protocol}`, {}, async scope => {
    const host = await startCgiHost(scope, { protocol });
    host.script('first.sh', sh(HEAD));
    await host.ask('first.sh');
    const before = host.descriptors(); // those of the first answer may be among them still

    await scope.test('a document', async () => {
      host.script('document.sh', sh('printf "Content-Type: text/html\\nX-A: 1\\nX-A: 2\\n\\n<p>"'));
      const { status, fields, text } = await host.ask('document.sh');
      assert.deepEqual([status, fields.get('content-type'), text], [200, 'text/html', '<p>']);
    });

    await scope.test('a status of its own, and a body of any bytes', async () => {
      host.script('status.sh', sh('printf "Status: 418 Teapot\\r\\nA: b\\r\\n\\r\\n\\377\\000\\n\\n"'));
      const { status, body } = await host.ask('status.sh');
      assert.deepEqual([status, body], [418, Buffer.from('\xff\0\n\n', 'latin1')]);
    });

    await scope.test('a local redirect is left to the web server', async () => {
      host.script('local.sh', sh('printf "Location: /elsewhere?a=b\\n\\n"'));
      const { status, fields } = await host.ask('local.sh');
      assert.deepEqual([status, [...fields]], [302, [['location', '/elsewhere?a=b']]]);
    });

    await scope.test('a client redirect, without and with a document', async () => {
      host.script('client.sh', sh('printf "Location: http://example.org/\\n\\n"'));
      assert.equal((await host.ask('client.sh')).fields.get('location'), 'http://example.org/');
      host.script(
        'both.sh',
        sh(
          'printf "Status: 301 Moved\\nLocation: http://example.org/\\nContent-Type: text/plain\\n\\nmoved"',
        ),
      );
      const { status, text } = await host.ask('both.sh');
      assert.deepEqual([status, text], [301, 'moved']);
    });

    await scope.test('nph- scripts are refused, also those that only behave so', async () => {
      host.script('nph-a.sh', sh('printf "HTTP/1.1 200 OK\\r\\n\\r\\n"'));
      assert.equal((await host.ask('nph-a.sh')).status, 501);
      await host.said(/501: .*nph-a\.sh/);
      host.script('a.sh', sh('printf "HTTP/1.1 200 OK\\r\\n\\r\\n"'));
      assert.equal((await host.ask('a.sh')).status, 502);
      await host.said(/502: .*\/a\.sh\[\d+\]: no valid answer: .*non-parsed-header/);
    });

    await scope.test('malformed: 502, the reason in the log', async () => {
      host.script('malformed.sh', sh('echo "Hello, world"', 'echo'));
      const { status, text } = await host.ask('malformed.sh');
      assert.equal(status, 502);
      assert.ok(!text.includes('Hello'));
      await host.said(/502: .*malformed\.sh\[\d+\]: no valid answer: not a header line: "Hello, world"/);
    });

    await scope.test('died without headers: 502, exit status and last words in the log', async () => {
      host.script('died.sh', sh('echo "cannot open the database" >&2', 'exit 3'));
      assert.equal((await host.ask('died.sh')).status, 502);
      await host.said(/502: .*died\.sh\[\d+\]: .*exit status 3; it said last: cannot open the database/);
      host.script('crash.sh', sh('kill -SEGV $$'));
      assert.equal((await host.ask('crash.sh')).status, 502);
      await host.said(/502: .*crash\.sh\[\d+\]: the answer is empty; ended by SIGSEGV/);
    });

    await scope.test('died within its headers: 502', async () => {
      host.script('half.sh', sh('echo "Content-Type: text/plain"'));
      assert.equal((await host.ask('half.sh')).status, 502);
      await host.said(/502: .*half\.sh\[\d+\]: the answer ends within its headers; exit status 0/);
    });

    await scope.test(
      'died by a signal in the middle: the client sees that something is missing',
      async () => {
        host.script('cut.sh', sh(HEAD, 'echo half', 'kill -KILL $$'));
        // SCGI ends with its connection, and only a length in the answer could tell.
        if (protocol === 'fastcgi') await assert.rejects(host.ask('cut.sh'), { name: 'ClientError' });
        else await host.ask('cut.sh').catch(() => {});
        await host.said(/broken off: .*cut\.sh\[\d+\]: its answer is incomplete: ended by SIGKILL/);
      },
    );

    await scope.test('an exit status after a whole answer is told to the web server', async () => {
      host.script('seven.sh', sh(HEAD, 'echo done', 'exit 7'));
      const { status, text, appStatus } = await host.ask('seven.sh');
      assert.deepEqual([status, text, appStatus], [200, 'done\n', protocol === 'fastcgi' ? 7 : null]);
    });

    await scope.test('output begins to flow before the script ends', async () => {
      const go = join(host.shared, 'go');
      host.script('slow.sh', sh(HEAD, 'echo first', `until [ -e ${go} ]; do sleep 0.01; done`, 'echo last'));
      const { body } = await host.begin('slow.sh');
      const pieces = body[Symbol.asyncIterator]();
      assert.equal(String((await pieces.next()).value), 'first\n');
      writeFileSync(go, '');
      assert.equal(String((await pieces.next()).value), 'last\n');
      assert.equal((await pieces.next()).done, true);
    });

    await scope.test('stderr: to the web server at once, and line by line to the log', async () => {
      host.script('stderr.sh', sh(HEAD, 'printf "one\\ntw" >&2', 'echo body', 'printf "o\\nthree" >&2'));
      const { errors, text } = await host.ask('stderr.sh');
      assert.equal(text, 'body\n');
      assert.equal(errors, protocol === 'fastcgi' ? 'one\ntwo\nthree' : '');
      for (const line of ['one', 'two', 'three'])
        await host.said(new RegExp(`stderr\\.sh\\[\\d+\\]: ${line}$`, 'm'));
    });

    await scope.test('all that was said on stderr comes before the end of the answer', async () => {
      const go = join(host.shared, 'talk');
      const talk = 'head -c 60000 /dev/zero | tr "\\0" "\\n" >&2';
      host.script('last.sh', sh(HEAD, `until [ -e ${go} ]; do sleep 0.01; done`, talk));
      const asked = host.ask('last.sh');
      await until(() => host.children().length > 0, { what: 'the script to run' });
      process.kill(host.pid, 'SIGSTOP');
      writeFileSync(go, '');
      // It finds all of it at once then.
      await until(() => host.children().every(child => / Z /.test(child)), { what: 'the script to end' });
      process.kill(host.pid, 'SIGCONT');
      assert.equal((await asked).errors.length, protocol === 'fastcgi' ? 60_000 : 0);
    });

    await scope.test('a line of stderr without end is cut, and the script not held up', async () => {
      host.script('long.sh', sh('head -c 1000000 /dev/zero | tr "\\0" x >&2', HEAD, 'echo body'));
      assert.equal((await host.ask('long.sh')).text, 'body\n');
      const [line] = await host.said(/^.*long\.sh\[\d+\]: x+ \(cut: the line is longer\)$/m);
      assert.ok(line.length < 4096 + 300);
    });

    await scope.test('a background child does not hold the answer, if it lets go of stdout', async () => {
      const go = join(host.shared, 'background');
      const wait = `until [ -e ${go} ]; do sleep 0.01; done; echo "from behind" >&2`;
      host.script('background.sh', sh(HEAD, 'echo started', `(${wait}) >/dev/null </dev/null &`));
      assert.equal((await host.ask('background.sh')).text, 'started\n');
      writeFileSync(go, '');
      await host.said(/background\.sh\[\d+\]: from behind/);
    });

    await scope.test('a script that closes stdout early ends the answer when it ends', async () => {
      const go = join(host.shared, 'early');
      host.script(
        'early.sh',
        sh(HEAD, 'echo said', 'exec >&-', `until [ -e ${go} ]; do sleep 0.01; done`, 'exit 5'),
      );
      const { body, end } = await host.begin('early.sh');
      const pieces = body[Symbol.asyncIterator]();
      assert.equal(String((await pieces.next()).value), 'said\n');
      writeFileSync(go, '');
      assert.equal((await pieces.next()).done, true);
      assert.equal((await end)?.appStatus ?? null, protocol === 'fastcgi' ? 5 : null);
    });

    await scope.test('megabytes, whole', async () => {
      host.script('big.sh', sh(HEAD, 'head -c 5000000 /dev/zero'));
      const { body } = await host.ask('big.sh');
      assert.equal(body.length, 5_000_000);
    });

    await scope.test('body and answer at the same time', async () => {
      host.script('echo.sh', sh(HEAD, 'exec cat'));
      const body = Buffer.alloc(2_000_000, 'abcdefgh');
      assert.deepEqual((await host.ask('echo.sh', { body })).body, body);
    });

    await scope.test('no zombie, no descriptor is left of all that', async () => {
      await until(() => host.children().length === 0 && host.descriptors() <= before, {
        what: 'nothing to be left',
        explain: () => [...host.children(), host.openFiles()].join('\n'),
      });
      assert.equal(await host.stop(), 0);
    });
  });
}

suite('integration/cgi-answer: a log that nobody reads', {}, async scope => {
  const host = await startCgiHost(scope, { isUnread: true });

  await scope.test('holds up no script, and what was dropped is said when it is read', async () => {
    host.script('talks.sh', sh('seq 200000 >&2', HEAD, 'echo said'));
    for (let at = 0; at < 3; at++) assert.equal((await host.ask('talks.sh')).text, 'said\n');
    await host.said(/\d+ lines dropped/);
    host.script('speaks.sh', sh('echo heard again >&2', HEAD));
    await host.ask('speaks.sh');
    await host.said(/speaks\.sh\[\d+\]: heard again/);
  });
});
