/** What real web servers have sent (test/fuzz/captures), read by the server sides. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readCaptures } from '../fuzz/captures.ts';
import { singleBytes } from './fixture-pairs.ts';
import { readAnswering, type ServerSeen } from './readers.ts';

const UPLOAD = /^-+.*\r\nContent-Disposition: form-data; name="file"; filename="dull.txt"/;
const WHOLE = ['request', 'body', 'body-end'];
const NONE = ['request', 'body-end'];

/** By the end of the name: what the events are, the method, and the body. */
const EXPECTED: Readonly<Record<string, { events: string[]; method: string; body: RegExp | number }>> = {
  get: { events: NONE, method: 'GET', body: 0 },
  head: { events: NONE, method: 'HEAD', body: 0 },
  post: { events: WHOLE, method: 'POST', body: /^name=value&text=a\+b$/ },
  headers: { events: NONE, method: 'GET', body: 0 },
  upload: { events: WHOLE, method: 'POST', body: UPLOAD },
  aborted: { events: ['request', 'body'], method: 'PUT', body: 40_000 },
  kept: { events: [...NONE, ...NONE, ...NONE], method: 'GET', body: 0 },
};

function check(name: string, { events, idle }: ServerSeen): void {
  const expected = EXPECTED[name.split('-').at(-1) ?? ''];
  assert.ok(expected !== undefined);
  assert.deepEqual(
    events.map(({ type }) => type),
    expected.events,
  );
  const params = new Map(events[0]?.params);
  assert.equal(params.get('REQUEST_METHOD'), expected.method);
  assert.match(params.get('REQUEST_URI') ?? '', /^\/(fastcgi|scgi)\/(whole|stream|kept)\//);
  const body = events.find(({ type }) => type === 'body')?.chunk ?? '';
  if (typeof expected.body === 'number') assert.equal(body.length, expected.body);
  else assert.match(body, expected.body);
  assert.equal(idle, expected.events.includes('body-end'));
  if (idle) {
    assert.equal(body.length, Number(params.get('CONTENT_LENGTH') ?? ''));
  }
}

const captures = readCaptures();

void test('every case of both servers and protocols is there', () => {
  const cases = ['aborted', 'get', 'head', 'headers', 'post', 'upload'];
  const names = ['lighttpd-fastcgi', 'lighttpd-scgi', 'nginx-fastcgi', 'nginx-scgi']
    .flatMap(server => cases.map(what => `${server}-${what}`))
    .concat('nginx-fastcgi-kept')
    .sort();
  assert.deepEqual(
    captures.map(({ name }) => name),
    names,
  );
});

for (const { name, protocol, bytes } of captures) {
  void test(name, () => {
    // See captures/README.md: its CONTENT_LENGTH ends in the middle of it.
    if (name === 'nginx-scgi-aborted') {
      for (const pieces of [[bytes], singleBytes(bytes)])
        assert.throws(() => readAnswering(protocol, pieces), { code: 'SCGI_BODY' });
      return;
    }
    const whole = readAnswering(protocol, [bytes]);
    assert.deepEqual(readAnswering(protocol, singleBytes(bytes)), whole);
    check(name, whole);
  });
}

void test('a connection that is kept says so', () => {
  for (const { name, protocol, bytes } of captures.filter(it => it.protocol === 'fastcgi')) {
    const { events } = readAnswering(protocol, [bytes]);
    assert.equal(events[0]?.keepConnection, name.endsWith('kept'), name);
  }
});
