import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CgiResponseReader } from '../../../src/protocols/cgi-response/reader.ts';
import { type HelloFacts, helloResponse } from '../../../src/responders/hello-page.ts';

function page(facts: Partial<HelloFacts>): {
  contentType: string | null;
  length: number | null;
  body: string;
} {
  const reader = new CgiResponseReader({ requireContentType: true });
  const bytes = helloResponse({
    pid: 42,
    served: 7,
    method: 'GET',
    path: '/a?b',
    bodyBytes: 0,
    accept: '*/*',
    ...facts,
  });
  const events = reader.push(bytes);
  reader.end();
  const body = events.flatMap(event => (event.type === 'body' ? [event.chunk] : []));
  return {
    contentType: reader.head?.contentType ?? null,
    length: reader.head?.contentLengthBytes ?? null,
    body: Buffer.concat(body).toString(),
  };
}

void test('curl gets text: who, what, how often', () => {
  const { contentType, length, body } = page({});
  assert.equal(contentType, 'text/plain; charset=utf-8');
  assert.equal(length, Buffer.byteLength(body));
  for (const part of ['worker 42', 'GET /a?b', 'so far: 7']) assert.ok(body.includes(part), part);
});

void test('a browser gets HTML, and what was asked stays text in it', () => {
  const { contentType, length, body } = page({ accept: 'text/html,*/*', path: '/<script>"&' });
  assert.equal(contentType, 'text/html; charset=utf-8');
  assert.equal(length, Buffer.byteLength(body));
  assert.ok(body.includes('/&#60;script&#62;&#34;&#38;'), body);
  assert.ok(!body.includes('<script>'));
});

void test('HEAD has the length of the page, and no page', () => {
  const { length, body } = page({ method: 'HEAD' });
  assert.equal(body, '');
  assert.equal(length, page({ method: 'HEAD' }).length);
  assert.ok((length ?? 0) > 0);
});

void test('the size of a body is said', () => {
  assert.ok(page({ method: 'POST', bodyBytes: 1234 }).body.includes('1234 bytes'));
});
