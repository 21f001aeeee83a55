/** Every value that toml.parse yields is found at a place, and the text at that place is its key and its value. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import toml from 'toml';
import { readToml, type TomlDocument } from '../../../src/config/toml/document.ts';
import type { TomlPath } from '../../../src/config/toml/nodes.ts';
import { tomlKey, tomlString, tomlValue } from '../../../src/config/toml/write.ts';

const HOSTILE = `# "a" = 1
top = 1 # listen = 2
'quoted.key' = "x"
"tab\\tkey".inner = '''
[not.a.table]
top = 2
'''
a . b   .  c = [ 1, # [2]
  "]", [ "[deep]", { k = "v", l.m = 'n' } ],
]
inline = { x = 1, y.z = [true, 1979-05-27], "q r" = { s = """
t = 1
""" } }

[listen]   # comment ] [
mode = "0660"
address = "a=b # c"
[ 'pm' . "x.y" ]
mode = 1
[[arr]]
n = 1
[[arr.sub]]
deep = [[1, 2], [3]]
[[arr.sub]]
deep = 4
[arr.table]
key = "é😀"; 
`.replace('"; \n', '"\n');

/** By hand: path, line, column of the key. */
const PLACES: readonly (readonly [TomlPath, number, number])[] = [
  [['top'], 2, 1],
  [['quoted.key'], 3, 1],
  [['tab\tkey', 'inner'], 4, 1],
  [['a', 'b', 'c'], 8, 1],
  [['a', 'b', 'c', 0], 8, 18],
  [['a', 'b', 'c', 1], 9, 3],
  [['a', 'b', 'c', 2, 0], 9, 10],
  [['a', 'b', 'c', 2, 1, 'l', 'm'], 9, 31],
  [['inline', 'y', 'z', 1], 11, 32],
  [['inline', 'q r', 's'], 11, 55],
  [['listen'], 15, 1],
  [['listen', 'address'], 17, 1],
  [['pm', 'x.y', 'mode'], 19, 1],
  [['arr', 0, 'n'], 21, 1],
  [['arr', 0, 'sub', 0, 'deep', 1, 0], 23, 18],
  [['arr', 0, 'sub', 1, 'deep'], 25, 1],
  [['arr', 0, 'table', 'key'], 27, 1],
];

const document = readToml('f', HOSTILE, {});

for (const [path, line, column] of PLACES) {
  void test(`${path.join('.')} is at ${line}:${column}`, () => {
    const located = document.find(path);
    assert.deepEqual(located && document.position(located.keyOffset), { line, column });
  });
}

void test('what only looks like a key is not found', () => {
  assert.deepEqual(document.problems, []);
  for (const path of [['a', 'c'], ['not'], ['t'], ['listen', 'top'], ['arr', 1]]) {
    assert.equal(document.find(path), undefined);
  }
});

void test('a header remembers which keys stand under it', () => {
  assert.deepEqual(document.find(['arr', 0, 'table', 'key'])?.header?.path, ['arr', 0, 'table']);
  assert.equal(document.find(['inline', 'x'])?.header, null);
});

function* leaves(value: unknown, path: TomlPath): Generator<readonly [TomlPath, unknown]> {
  if (typeof value !== 'object' || value === null || value instanceof Date) yield [path, value];
  else if (Array.isArray(value)) for (const [at, item] of value.entries()) yield* leaves(item, [...path, at]);
  else for (const [name, item] of Object.entries(value)) yield* leaves(item, [...path, name]);
}

/** The value's own text stands at its place: parsed by itself it is the same value. */
function assertAgrees(doc: TomlDocument, text: string, values: unknown): void {
  for (const [path, value] of leaves(values, [])) {
    const located = doc.find(path);
    assert.ok(located, `${path.join('.')} has no place in ${text}`);
    const rest = text.slice(located.valueOffset);
    const ends = [...rest.matchAll(/["'\w](?=[\s,\]}#]|$)/g)].map(match => match.index + 1);
    const isThere = ends.some(end => parsesTo(rest.slice(0, end), value));
    assert.ok(isThere, `${path.join('.')} is not at offset ${located.valueOffset} of ${text}`);
  }
}

function parsesTo(text: string, value: unknown): boolean {
  try {
    assert.deepEqual(toml.parse(`x = ${text}`).x, value);
    return true;
  } catch {
    return false;
  }
}

void test('the hostile document agrees with toml.parse', () =>
  assertAgrees(document, HOSTILE, toml.parse(HOSTILE)));

const name = fc.oneof(
  fc.constantFrom('a', 'b', 'listen', 'mode', '1', '-', 'a.b', 'x y', 'é', '', '"', '[', '#', '='),
  fc.string({ maxLength: 4 }),
);
const scalar = fc.oneof(
  fc.string(),
  fc.integer(),
  fc.boolean(),
  fc.constantFrom('a = 1', '[t]', '# c', '"""', "'''"),
);
const value = fc.oneof(
  scalar,
  fc.array(scalar, { maxLength: 3 }),
  fc.dictionary(name.map(String), scalar, { maxKeys: 2 }),
);
const comment = fc.constantFrom('', ' # x = 1', ' # "', ' # [y]');
const line = fc.oneof(
  fc
    .tuple(fc.array(name, { minLength: 1, maxLength: 3 }), value, comment)
    .map(([path, it, end]) => `${path.map(tomlKey).join(' . ')} = ${tomlValue(it)}${end}`),
  fc
    .tuple(fc.array(name, { minLength: 1, maxLength: 2 }), comment)
    .map(([path, end]) => `[${path.map(tomlKey).join('.')}]${end}`),
  fc.tuple(name, comment).map(([it, end]) => `[[ ${tomlKey(it)} ]]${end}`),
  fc.tuple(name, scalar).map(([key, it]) => `${tomlKey(key)} = [\n  # c\n  ${tomlValue(it)},\n]`),
  fc
    .tuple(name, fc.string())
    .map(([key, it]) => `${tomlKey(key)} = """\n${tomlString(it).slice(1, -1)}\n= # ["""`),
  fc.constantFrom('', '# comment', '   '),
);

void test('generated documents agree with toml.parse', () => {
  let compared = 0;
  fc.assert(
    fc.property(fc.array(line, { maxLength: 12 }), fc.constantFrom('\n', '\r\n'), (lines, end) => {
      const text = lines.join(end);
      const doc = readToml('f', text, {});
      if (doc.problems.length > 0) {
        assert.throws(() => toml.parse(text), 'a document without mistakes was found to have some');
        return;
      }
      const values: unknown = toml.parse(text);
      assert.deepEqual(doc.data, values);
      assertAgrees(doc, text, values);
      compared++;
    }),
    { numRuns: 400 },
  );
  assert.ok(compared > 100, `only ${compared} of the documents were valid`);
});
