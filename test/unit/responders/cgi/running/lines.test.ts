/** Lines of a log out of bytes as they come. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { LineCutter } from '../../../../../src/responders/cgi/running/lines.ts';

function cut(pieces: readonly string[], maxBytes = 8): string[] {
  const lines: string[] = [];
  const cutter = new LineCutter(maxBytes, (line, isCut) => lines.push(line.toString() + (isCut ? '…' : '')));
  for (const piece of pieces) cutter.push(Buffer.from(piece));
  cutter.end();
  return lines;
}

const TABLE: readonly [name: string, pieces: string[], lines: string[]][] = [
  ['whole lines', ['a\nb\n'], ['a', 'b']],
  ['a line in pieces', ['a', 'b', 'c\n'], ['abc']],
  ['no end of the last line', ['a\nb'], ['a', 'b']],
  ['empty lines stay', ['\n\na\n'], ['', '', 'a']],
  ['nothing', [''], []],
  ['as long as may be', ['12345678\n'], ['12345678']],
  ['longer: cut once', ['123456789\nb\n'], ['12345678…', 'b']],
  ['longer, in pieces', ['1234', '56789', 'more', 'more\nb'], ['12345678…', 'b']],
  ['longer, without an end', ['1234567890'], ['12345678…']],
];
for (const [name, pieces, lines] of TABLE) void test(name, () => assert.deepEqual(cut(pieces), lines));

void test('the pieces make no difference', () => {
  fc.assert(
    fc.property(fc.array(fc.stringMatching(/^[ab\n]{0,12}$/)), pieces => {
      assert.deepEqual(cut(pieces), cut([pieces.join('')]));
    }),
  );
});
