import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { LINE_LIMIT_BYTES, LineSplitter, type OutputLine } from '../../../../src/keeper/output/lines.ts';

/** All lines of the chunks, with one chunk buffer that is used again for each, as the keeper does it. */
function split(...chunks: readonly (string | Buffer)[]): OutputLine[] {
  const splitter = new LineSplitter();
  const lines: OutputLine[] = [];
  for (const chunk of chunks) {
    const bytes = Buffer.from(chunk);
    lines.push(...splitter.push(bytes));
    bytes.fill('#');
  }
  return [...lines, ...splitter.end()];
}

const texts = (lines: readonly OutputLine[]): string[] => lines.map(line => line.text);

const cases: readonly (readonly [name: string, chunks: (string | Buffer)[], expected: string[]])[] = [
  ['nothing', [], []],
  ['two lines in one write', ['one\ntwo\n'], ['one', 'two']],
  ['a line split over three writes', ['o', 'n', 'e\ntwo\n'], ['one', 'two']],
  ['a newline that comes alone', ['one', '\n', 'two\n'], ['one', 'two']],
  ['a missing last newline', ['one\ntwo'], ['one', 'two']],
  ['empty lines', ['\n\none\n\n'], ['', '', 'one', '']],
  ['CRLF, split between the two', ['one\r', '\ntwo\r\n'], ['one', 'two']],
  ['a lone CR in a line', ['10%\r20%\n'], ['10%\\x0d20%']],
  ['a tab stays', ['a\tb\n'], ['a\tb']],
  ['NUL and an escape sequence', ['a\0b\x1b[31mred\x7f\n'], ['a\\x00b\\x1b[31mred\\x7f']],
  ['C1 controls and line separators', ['a\u0085b\u2028c\u2029d\n'], ['a\\u0085b\\u2028c\\u2029d']],
  [
    'controls of text direction (CVE-2021-42574)',
    ['a\u202eb\u2066c\u2069d\u200fe\u061c\n'],
    ['a\\u202eb\\u2066c\\u2069d\\u200fe\\u061c'],
  ],
  ['characters of two to four bytes', ['äßЖ€中😀\n'], ['äßЖ€中😀']],
  ['a backslash stays', ['C:\\temp\\x41\n'], ['C:\\temp\\x41']],
  ['U+FFFD that the worker wrote', ['a\ufffdb\n'], ['a\ufffdb']],
  ['bytes that are no UTF-8', [Buffer.from([0xff, 0x61, 0xc3, 0xa4, 0x80, 0xfe, 10])], ['\\xffaä\\x80\\xfe']],
  ['an overlong slash', [Buffer.from([0xc0, 0xaf, 10])], ['\\xc0\\xaf']],
  ['a surrogate', [Buffer.from([0xed, 0xa0, 0x80, 10])], ['\\xed\\xa0\\x80']],
  ['beyond U+10FFFF', [Buffer.from([0xf4, 0x90, 0x80, 0x80, 10])], ['\\xf4\\x90\\x80\\x80']],
  [
    'a character that the end of the line cuts',
    [Buffer.from([0xe2, 0x82, 10, 0xac, 10])],
    ['\\xe2\\x82', '\\xac'],
  ],
];
for (const [name, chunks, expected] of cases) {
  void test(name, () => assert.deepEqual(texts(split(...chunks)), expected));
}

void test('a character split over writes at each of its bytes is one character', () => {
  const bytes = Buffer.from('x😀€ä\n');
  for (let at = 1; at < bytes.length; at++) {
    assert.deepEqual(texts(split(bytes.subarray(0, at), bytes.subarray(at))), ['x😀€ä']);
  }
});

void test('a line of exactly the limit is one line, one more byte makes it two parts', () => {
  const line = 'x'.repeat(LINE_LIMIT_BYTES);
  assert.deepEqual(split(`${line}\n`), [{ text: line }]);
  assert.deepEqual(split(line, '\n'), [{ text: line }]);
  assert.deepEqual(split(`${line}y\nz\n`), [
    { text: line, part: 1, last: false },
    { text: 'y', part: 2, last: true },
    { text: 'z' },
  ]);
});

void test('a line of 1 MB comes in numbered parts that make the line again, however it was written', () => {
  const line = '0123456789€😀'.repeat(60_000);
  const bytes = Buffer.from(`${line}\nnext\n`);
  for (const step of [1000, 4096, 65_536, 262_144, bytes.length]) {
    const chunks: Buffer[] = [];
    for (let at = 0; at < bytes.length; at += step) chunks.push(bytes.subarray(at, at + step));
    const lines = split(...chunks);
    const parts = lines.slice(0, -1);
    assert.equal(texts(parts).join(''), line, 'no character is broken at a seam');
    assert.deepEqual(
      parts.map(line => line.part),
      parts.map((_, index) => index + 1),
    );
    assert.deepEqual(
      parts.map(line => line.last),
      parts.map((_, index) => index === parts.length - 1),
    );
    for (const { text } of parts) assert.ok(Buffer.byteLength(text) <= LINE_LIMIT_BYTES);
    assert.deepEqual(lines.at(-1), { text: 'next' });
  }
});

void test('a line without an end is handed on in parts while it comes: nothing is held above the limit', () => {
  const splitter = new LineSplitter();
  const chunk = Buffer.alloc(4096, 'x');
  let written = 0;
  let delivered = 0;
  for (let i = 0; i < 1000; i++) {
    written += chunk.length;
    for (const { text } of splitter.push(chunk)) delivered += text.length;
    assert.ok(written - delivered <= LINE_LIMIT_BYTES);
  }
  assert.equal(splitter.end()[0]?.text.length, written - delivered);
});

void test('after end() nothing is left to deliver', () => {
  const splitter = new LineSplitter();
  splitter.push(Buffer.from('half'));
  assert.deepEqual(splitter.end(), [{ text: 'half' }]);
  assert.deepEqual(splitter.end(), []);
});

void test('property: where writes are split makes no difference, and no line holds a control character', () => {
  const byte = fc.oneof(fc.constant(10), fc.constant(13), fc.integer({ min: 0, max: 255 }));
  const chunk = fc.array(byte, { maxLength: 40 }).map(bytes => Buffer.from(bytes));
  fc.assert(
    fc.property(fc.array(chunk, { maxLength: 8 }), chunks => {
      const whole = Buffer.concat(chunks);
      const lines = split(...chunks);
      assert.deepEqual(lines, split(whole));
      const newlines = whole.filter(value => value === 10).length;
      assert.equal(lines.length, newlines + (whole.length > 0 && whole.at(-1) !== 10 ? 1 : 0));
      for (const { text } of lines) assert.doesNotMatch(text, /(?!\t)\p{Cc}/u);
    }),
  );
});

void test('property: text comes through as it is', () => {
  const text = fc.string({ unit: 'grapheme' }).filter(value => !/\p{Cc}|[\u2028\u2029]|^\ufeff/u.test(value));
  fc.assert(fc.property(text, value => assert.deepEqual(texts(split(`${value}\n`)), [value])));
});

void test('another splitter goes on with an unfinished line as if it were the same', () => {
  const chunk = fc
    .uint8Array({ maxLength: 2 * LINE_LIMIT_BYTES, size: 'max' })
    .map(bytes => Buffer.from(bytes));
  fc.assert(
    fc.property(fc.array(chunk, { maxLength: 4 }), chunks => {
      const lines: OutputLine[] = [];
      let splitter = new LineSplitter();
      for (const each of chunks) {
        lines.push(...splitter.push(Buffer.from(each)));
        splitter = new LineSplitter(splitter.unfinished);
      }
      assert.deepEqual([...lines, ...splitter.end()], split(...chunks));
    }),
    { numRuns: 30 },
  );
});
