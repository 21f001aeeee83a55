/** What a client is told when no script answers, and the log with it. */
import assert from 'node:assert/strict';
import { constants } from 'node:os';
import { test } from 'node:test';
import { CgiResponseReader } from '../../../../src/protocols/cgi-response/reader.ts';
import { refusalResponse } from '../../../../src/responders/cgi/refusal.ts';
import { startFailure } from '../../../../src/responders/cgi/running/failure.ts';

const STATUSES = [400, 403, 404, 431, 500, 501, 502, 503, 504];

void test('a whole response of CGI with the status, of the length that it says', () => {
  for (const status of STATUSES) {
    const reader = new CgiResponseReader({ requireContentType: true });
    const body = reader
      .push(refusalResponse(status))
      .flatMap(event => (event.type === 'body' ? [event.chunk] : []));
    reader.end();
    assert.equal(reader.head?.status, status);
    assert.notEqual(reader.head?.reason, '');
    assert.equal(reader.head?.contentLengthBytes, Buffer.concat(body).length);
  }
});

void test('503 says when to come again, and only 503', () => {
  for (const status of STATUSES)
    assert.equal(/^Retry-After: \d+\r$/m.test(refusalResponse(status).toString()), status === 503);
});

void test('a status that it has no words for is a 500', () => {
  assert.match(refusalResponse(418).toString(), /^Status: 500 /);
});

const { E2BIG, EACCES, EAGAIN, EIO, EMFILE, ENOENT, ENOEXEC, ENOMEM } = constants.errno;
const FAILURES: readonly [errno: number, status: number, words: RegExp][] = [
  [E2BIG, 431, /128 KiB/],
  [EACCES, 403, /chmod \+x/],
  [ENOEXEC, 403, /does not begin with #!|nor does it begin with #!/],
  [ENOENT, 502, /interpreter/],
  [EMFILE, 503, /rlimit_files/],
  [EAGAIN, 503, /rlimit_nproc/],
  [ENOMEM, 503, /memory/],
  [EIO, 502, /EIO/],
];
for (const [errno, status, words] of FAILURES) {
  void test(`not started, errno ${errno}: ${status}, and the log says which script, why, and what to do`, () => {
    const refusal = startFailure('/srv/a.cgi', errno);
    assert.equal(refusal.status, status);
    assert.match(refusal.reason, /\/srv\/a\.cgi/);
    assert.match(refusal.reason, words);
  });
}
