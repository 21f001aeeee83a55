/** From what a script writes to what the web server is sent, whatever the pieces. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { ScriptAnswer } from '../../../../../src/responders/cgi/running/answer.ts';

/** @param pieces what the script writes, piece by piece @returns what was sent, and in how many writes */
function send(pieces: readonly Buffer[]): { text: string; writes: number; isBegun: boolean } {
  const sent: Buffer[] = [];
  const answer = new ScriptAnswer({
    write: bytes => {
      sent.push(Buffer.from(bytes));
      return true;
    },
  });
  for (const piece of pieces) answer.push(piece);
  answer.end();
  return { text: Buffer.concat(sent).toString('latin1'), writes: sent.length, isBegun: answer.isBegun };
}

const one = (text: string): Buffer[] => [Buffer.from(text, 'latin1')];

const TABLE: readonly [name: string, written: string, sent: string][] = [
  ['a document', 'Content-Type: text/plain\n\nhello', 'Content-Type: text/plain\r\n\r\nhello'],
  ['CRLF', 'Content-Type: text/plain\r\n\r\nhello', 'Content-Type: text/plain\r\n\r\nhello'],
  ['a status', 'Status: 404 Not here\nA: b\n\n', 'Status: 404 Not here\r\nA: b\r\n\r\n'],
  ['a local redirect, which the web server follows', 'Location: /x\n\n', 'Location: /x\r\n\r\n'],
  ['a client redirect', 'Location: http://a/\n\n', 'Location: http://a/\r\n\r\n'],
  [
    'a client redirect with a document',
    'Status: 302 Found\nLocation: http://a/\nContent-Type: text/plain\n\nmoved',
    'Status: 302 Found\r\nLocation: http://a/\r\nContent-Type: text/plain\r\n\r\nmoved',
  ],
  [
    'several cookies, in their order',
    'Set-Cookie: a\nSet-Cookie: b\n\n',
    'Set-Cookie: a\r\nSet-Cookie: b\r\n\r\n',
  ],
  ['bytes that are no text', 'X: \xe4\n\n\xff\0', 'X: \xe4\r\n\r\n\xff\0'],
];
for (const [name, written, sent] of TABLE) {
  void test(name, () => assert.equal(send(one(written)).text, sent));
  void test(`${name}, in single bytes`, () => {
    const bytes = Buffer.from(written, 'latin1');
    assert.equal(send(Array.from(bytes, byte => Buffer.of(byte))).text, sent);
  });
}

void test('head and beginning leave in one write; then every piece in its own', () => {
  assert.equal(send(one('A: b\n\nhello')).writes, 1);
  assert.equal(send([...one('A: b\n\nhello'), ...one('more')]).writes, 2);
});

void test('pieces of any size give the same', () => {
  const written = Buffer.from('Content-Type: text/plain\r\nA: b\n\nbody\n\nof: it', 'latin1');
  const whole = send([written]).text;
  fc.assert(
    fc.property(fc.array(fc.nat({ max: written.length }), { maxLength: 8 }), cuts => {
      const at = [0, ...cuts.sort((a, b) => a - b), written.length];
      const pieces = at.slice(1).map((end, i) => written.subarray(at[i], end));
      assert.equal(send(pieces.filter(piece => piece.length > 0)).text, whole);
    }),
  );
});

const MALFORMED: readonly [name: string, written: string, code: string][] = [
  ['no colon', 'hello\n\n', 'CGI_HEADER'],
  ['a status line of HTTP', 'HTTP/1.1 200 OK\n\n', 'CGI_NPH'],
  ['a body and no head', '\nhello', 'CGI_NO_HEADERS'],
  ['two lengths', 'Content-Length: 1\nContent-Length: 1\n\n', 'CGI_DUPLICATE'],
  ['a head without end', 'A: b\n', 'CGI_TRUNCATED'],
  ['nothing', '', 'CGI_TRUNCATED'],
  ['a head that is too long', `A: ${'b'.repeat(70_000)}`, 'CGI_TOO_LONG'],
];
for (const [name, written, code] of MALFORMED) {
  void test(`malformed: ${name}; nothing of it is sent`, () => {
    const sent: Buffer[] = [];
    const answer = new ScriptAnswer({ write: bytes => sent.push(bytes) > 0 });
    const all = (): void => {
      for (const piece of one(written)) answer.push(piece);
      answer.end();
    };
    assert.throws(all, { code });
    assert.deepEqual(sent, []);
    assert.equal(answer.isBegun, false);
  });
}

void test('a client that does not keep up is told of', () => {
  const answer = new ScriptAnswer({ write: () => false });
  assert.equal(answer.push(Buffer.from('A: b')), true, 'nothing was sent yet');
  assert.equal(answer.push(Buffer.from('\n\n')), false);
  assert.equal(answer.isBegun, true);
  assert.equal(answer.push(Buffer.from('x')), false);
});

/** An answer while the body of its request is coming. */
function held(): { answer: ScriptAnswer; sent: string[] } {
  const sent: string[] = [];
  const write = (bytes: Buffer): boolean => sent.push(bytes.toString('latin1')) > 0;
  return { answer: new ScriptAnswer({ write }, true), sent };
}

void test('while the body is coming nothing is sent; then all there is in one write, and the rest as it comes', () => {
  const { answer, sent } = held();
  for (const piece of ['A: b\n', '\nhel', 'lo']) assert.ok(answer.push(Buffer.from(piece)));
  assert.deepEqual(sent, []);
  assert.equal(answer.isBegun, false);
  assert.ok(answer.release());
  assert.deepEqual(sent, ['A: b\r\n\r\nhello']);
  answer.push(Buffer.from('more'));
  assert.ok(answer.release());
  assert.deepEqual(sent, ['A: b\r\n\r\nhello', 'more']);
});

void test('a script that writes more than a MiB before it has read its body is answered', () => {
  const { answer, sent } = held();
  const mebibyte = Buffer.alloc(1 << 20);
  answer.push(Buffer.from('A: b\n\n'));
  assert.equal(sent.length, 0);
  answer.push(mebibyte);
  assert.equal(sent.join('').length, 'A: b\r\n\r\n'.length + mebibyte.length);
});
