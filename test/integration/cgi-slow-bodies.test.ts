/**
 * Clients who begin a body of a length that nobody knows, as nginx passes it on with fastcgi_request_buffering off,
 * and send none of it: they hold descriptors of the host, and others are served all the same.
 */
import assert from 'node:assert/strict';
import { RECORD } from '../../src/protocols/fastcgi/constants.ts';
import { encodeStreamEnd } from '../../src/protocols/fastcgi/records.ts';
import { startCgiHost } from '../lib/cgi-host.ts';
import { until } from '../lib/poll.ts';
import { connectRaw, rawBody, rawRequest } from '../lib/raw-fastcgi.ts';
import { suite } from '../lib/suite.ts';

/** Each holds three descriptors until its body begins: more than the host may have open. */
const CLIENTS = 100;
const LIMIT = ['prlimit', '--nofile=256:256', '--'];

suite('integration/cgi-slow-bodies', {}, async scope => {
  const host = await startCgiHost(scope, {
    before: LIMIT,
    args: ['--max-scripts', '4', '--max-queue', '8', '--timeout', '2s'],
  });
  host.script('hello.sh', "#!/bin/sh\nprintf 'Content-Type: text/plain\\n\\nhello\\n'\n");
  host.script('reads.sh', "#!/bin/sh\nprintf 'Content-Type: text/plain\\n\\n'; cat\n");
  const params = (name: string): Record<string, string> => ({
    REQUEST_METHOD: 'POST',
    SCRIPT_FILENAME: `${host.root}/${name}`,
    SCRIPT_NAME: `/${name}`,
    DOCUMENT_ROOT: host.root,
  });
  assert.equal((await host.ask('hello.sh')).text, 'hello\n');
  const before = host.descriptors();

  await scope.test('they take no descriptors from others, and no place for long', async () => {
    const slow = await Promise.all(Array.from({ length: CLIENTS }, () => connectRaw(scope, host.address)));
    for (const socket of slow) socket.write(rawRequest({ params: params('reads.sh'), body: null }));
    await host.said(/503: .*reads\.sh: not run, as enough run and wait already/);
    // Those who have a place are ended by --timeout.
    await until(async () => (await host.ask('hello.sh')).status === 200, {
      what: 'another client to be served',
    });
    assert.doesNotMatch(host.log(), /connections wait|EMFILE|too many open files/i);
    for (const socket of slow) socket.destroy();
    await until(() => host.descriptors() <= before, {
      what: 'their descriptors to be closed',
      explain: () => host.openFiles(),
    });
  });

  await scope.test('a body that begins late is read whole', async () => {
    const socket = await connectRaw(scope, host.address);
    let answer = '';
    socket.on('data', chunk => (answer += chunk.toString('latin1')));
    socket.write(rawRequest({ params: params('reads.sh'), body: null }));
    assert.equal((await host.ask('hello.sh')).text, 'hello\n');
    socket.write(rawBody(Buffer.from('late body')));
    socket.write(encodeStreamEnd(RECORD.stdin, 1));
    await until(() => answer.includes('late body'), { what: 'the answer' });
  });
});
