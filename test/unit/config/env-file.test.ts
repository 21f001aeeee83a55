import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseEnvFile } from '../../../src/config/env-file.ts';
import { secretNameProblem } from '../../../src/config/schema/environment.ts';

/** As systemd.exec(5) describes EnvironmentFile=. */
const ROWS: readonly (readonly [string, string, Record<string, string>])[] = [
  ['a plain value', 'A=1\nB=two words', { A: '1', B: 'two words' }],
  ['blanks around', '  A =  x y  \n', { A: 'x y' }],
  ['CRLF', 'A=1\r\nB=2\r\n', { A: '1', B: '2' }],
  ['comments and empty lines', '# A=1\n; B=2\n\n  # C=3\nD=4', { D: '4' }],
  ['a hash in a value is no comment', 'A=1 # 2', { A: '1 # 2' }],
  ['double quotes', 'A="x  "\nB="a \\"b\\" \\$ \\n"', { A: 'x  ', B: 'a "b" $ \\n' }],
  ['single quotes', 'A=\'x\\y "z"\'', { A: 'x\\y "z"' }],
  ['a quote inside a word', 'A=a"b"', { A: 'a"b"' }],
  ['quoted parts join', 'A="a" \'b\'', { A: 'ab' }],
  ['several lines in quotes', 'A="one\ntwo"\nB=3', { A: 'one\ntwo', B: '3' }],
  ['a joined line', 'A=one\\\ntwo', { A: 'onetwo' }],
  ['an empty value', 'A=\nB=""', { A: '', B: '' }],
  ['the last one wins', 'A=1\nA=2', { A: '2' }],
  ['an equals sign in the value', 'URL=a=b', { URL: 'a=b' }],
  ['export', 'export A=1', { A: '1' }],
  ['nothing is expanded', `A=$HOME\nB="\${B}"`, { A: '$HOME', B: `\${B}` }],
];

for (const [name, text, expected] of ROWS) {
  void test(name, () => {
    const parsed = parseEnvFile(text);
    assert.deepEqual([Object.fromEntries(parsed.variables), parsed.mistakes], [expected, []]);
  });
}

void test('lines that set nothing are named', () => {
  const { variables, mistakes } = parseEnvFile('A=1\njust words\n=x\nB="open\nmore');
  assert.deepEqual([...variables.keys()], ['A']);
  assert.deepEqual(
    mistakes.map(it => it.line),
    [2, 3, 4],
  );
});

void test('lines are counted through values of several', () => {
  assert.deepEqual(parseEnvFile('\nA="x\ny"\nB').mistakes, [{ line: 4, message: 'not a KEY=VALUE line' }]);
});

void test('what is wrong is told without a word of the file, and of a file that is none but once in a while', () => {
  const key = '-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBg+/kq==\n"SECRET="x\nSECRET="never ends';
  const { mistakes } = parseEnvFile(key, secretNameProblem);
  assert.deepEqual(
    mistakes.map(({ line }) => line),
    [1, 2, 3],
  );
  assert.doesNotMatch(JSON.stringify(mistakes), /MII|SECRET|BEGIN/);
  assert.equal(parseEnvFile('garbage\n'.repeat(1000)).mistakes.length, 10);
});

void test('the time that it takes grows with the file, and no faster', () => {
  const { variables } = parseEnvFile(Array.from({ length: 60_000 }, (_, i) => `A${i}=`).join('\n'));
  assert.equal(variables.size, 60_000);
});
