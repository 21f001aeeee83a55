/** Text of others is fit for a terminal and for JSON, and nothing that is printed goes past that. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { columns } from '../../src/cli/columns.ts';
import { jsonText, oneLine, printable } from '../../src/printable.ts';
import { REPOSITORY } from '../lib/paths.ts';

const BIDIRECTIONAL = [
  0x61c, 0x200e, 0x200f, 0x202a, 0x202b, 0x202c, 0x202d, 0x202e, 0x2066, 0x2067, 0x2068, 0x2069,
];
const C0_AND_C1 = [...Array(0x20).keys(), 0x7f, ...Array.from({ length: 0x20 }, (_, i) => 0x80 + i)];

void test('control characters are shown, line ends and tabs stay', () => {
  assert.equal(
    printable('a\x1b[2Jb\x07\x7f\u009b1m\r\nc\td\re\n'),
    'a\\x1b[2Jb\\x07\\x7f\\x9b1m\nc\td\\x0de\n',
  );
  assert.equal(oneLine('a\n\tb\u2028'), 'a\\x0a\\x09b\\u2028');
  assert.equal(printable('grün, 日本, 👩‍💻'), 'grün, 日本, 👩‍💻');
});

void test('no control character is left in any of them, and JSON says the same as before', () => {
  for (const code of [...C0_AND_C1, ...BIDIRECTIONAL]) {
    const text = `a${String.fromCharCode(code)}b`;
    if (code !== 0x0a && code !== 0x09)
      assert.match(printable(text), /^a\\[xu][0-9a-f]{2,4}b$/, code.toString(16));
    assert.match(oneLine(text), /^a\\[xu][0-9a-f]{2,4}b$/);
    assert.match(jsonText({ [text]: text }), /^[ -~]+$/);
    assert.deepEqual(JSON.parse(jsonText({ [text]: text })), { [text]: text });
  }
});

void test('a cell is measured as it is shown', () => {
  assert.equal(
    columns([
      ['a\x1b\n', 'b'],
      ['c', 'd'],
    ]),
    'a\\x1b\\x0a  b\nc          d',
  );
});

/** Where our output is written, and why each may. */
const WRITERS: Readonly<Record<string, string>> = {
  'cli/output.ts': 'the one place',
  'cli/request.ts': 'the answer of a program: client/program-output.ts',
  'cli/rehearsal.ts': 'it passes printable, and may not open streams',
  'cli/spawn/spawn.ts': 'it asks whether that is a terminal',
  'cli/progress.ts': 'it asks whether that is a terminal, and how wide',
  'keeper/keeper.ts': 'it passes printable, and may not open streams',
  'main.ts': 'words of our own, before anything is loaded',
  'server/responder.ts': 'the log of a worker',
  'supervisor/main.ts': 'the log of the keeper',
};

void test('nothing that is printed goes past output.ts', () => {
  const directory = join(REPOSITORY, 'src');
  const writers = readdirSync(directory, { recursive: true, encoding: 'utf8' })
    .filter(path => path.endsWith('.ts'))
    .filter(path =>
      /process\.(stdout|stderr)|process\[|\bconsole\.|writeSync\((1|2|stream)\b/.test(
        readFileSync(join(directory, path), 'utf8'),
      ),
    );
  assert.deepEqual(writers.sort(), Object.keys(WRITERS).sort());
});
