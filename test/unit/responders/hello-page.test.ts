import assert from 'node:assert/strict';
import { test } from 'node:test';
import { helloPage } from '../../../src/responders/hello-page.ts';

interface Page {
  readonly headers: Headers;
  readonly text: string;
}

async function page(init: RequestInit = {}, path = '/a?b'): Promise<Page> {
  const request = new Request(`http://example.org${path}`, init);
  const response = await helloPage(request, { pid: 42, served: 7 });
  const text = await response.text();
  assert.equal(response.headers.get('content-length'), String(Buffer.byteLength(text)));
  return { headers: response.headers, text };
}

void test('curl gets text: who, what, how often', async () => {
  const { headers, text } = await page({ headers: { accept: '*/*' } });
  assert.equal(headers.get('content-type'), 'text/plain; charset=utf-8');
  for (const part of ['worker 42', 'GET /a?b.', 'so far: 7']) assert.ok(text.includes(part), part);
});

void test('a browser gets HTML, and what was asked stays text in it', async () => {
  const { headers, text } = await page({ headers: { accept: 'text/html,*/*' } }, "/?<script>'&");
  assert.equal(headers.get('content-type'), 'text/html; charset=utf-8');
  assert.ok(text.includes('GET /?%3Cscript%3E%27&#38;'), text);
  assert.ok(!text.includes('<script>'));
});

void test('the size of a body is said', async () => {
  const { text } = await page({ method: 'POST', body: Buffer.alloc(1234) });
  assert.ok(text.includes('POST /a?b, with a body of 1234 bytes.'), text);
});
