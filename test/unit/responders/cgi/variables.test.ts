/** What is understood of a request before its body. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bodyBytes, requestVariables } from '../../../../src/responders/cgi/variables.ts';

const pair = (name: string, value: string): readonly [Buffer, Buffer] => [
  Buffer.from(name, 'latin1'),
  Buffer.from(value, 'latin1'),
];

void test('of a name that stands twice, the last', () => {
  const variables = requestVariables([pair('A', '1'), pair('B', '2'), pair('A', '3')]);
  assert.deepEqual(
    variables,
    new Map([
      ['A', Buffer.from('3')],
      ['B', Buffer.from('2')],
    ]),
  );
});

void test('a NUL in a value is refused: the script would see half of it', () => {
  const refusal = requestVariables([pair('PATH_INFO', '/a\0b')]);
  assert.deepEqual(refusal, { status: 400, reason: 'a NUL in the variable PATH_INFO' });
});

const LENGTHS: readonly [text: string | undefined, expected: number | null][] = [
  [undefined, null],
  ['', null],
  ['0', 0],
  ['12', 12],
  ['9007199254740991', 9007199254740991],
  ['9007199254740993', 400],
  ['-1', 400],
  ['+1', 400],
  ['1e3', 400],
  ['0x10', 400],
  [' 1', 400],
  ['1, 1', 400],
];
for (const [text, expected] of LENGTHS) {
  void test(`CONTENT_LENGTH ${text === undefined ? 'that is not there' : JSON.stringify(text)}`, () => {
    const variables = new Map(text === undefined ? [] : [['CONTENT_LENGTH', Buffer.from(text)]]);
    const length = bodyBytes(variables);
    assert.equal(typeof length === 'object' ? (length?.status ?? null) : length, expected);
  });
}
