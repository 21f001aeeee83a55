/** docs/reload-and-recovery.md says nothing that no test shows: each statement names tests, in the files that have them. */
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { promises } from '../../docs/generate/promises.ts';
import { REPOSITORY } from '../lib/paths.ts';

const PROMISES = promises();

/** A call that registers a test, with its name as it is in the source. */
const TEST = /\b(?:test|suite)\(\s*(['"`])((?:\\.|(?!\1)[^\\])+)\1/g;

/** The name of a test in a template takes any text where a value is put in. */
function pattern(quote: string, name: string): RegExp {
  const parts = quote === '`' ? name.split(/\$\{[^}]*\}/) : [name];
  const literal = parts.map(part => part.replace(/\\(.)/g, '$1').replace(/[.*+?^${}()|[\]\\]/g, '\\$&'));
  return new RegExp(`^${literal.join('.+')}$`);
}

function testNames(file: string): RegExp[] {
  const source = readFileSync(file, 'utf8');
  return [...source.matchAll(TEST)].map(([, quote = '', name = '']) => pattern(quote, name));
}

void test('each test that is named is there, under exactly that name', () => {
  const tests = PROMISES.flatMap(it => it.tests);
  assert.ok(tests.length > 150);
  for (const { file, name } of tests) {
    const path = join(REPOSITORY, 'test', file);
    assert.ok(existsSync(path), `test/${file} is missing`);
    assert.ok(
      testNames(path).some(it => it.test(name)),
      `test/${file} has no test named "${name}"`,
    );
  }
});

/** What shows an example, or leads to the statements that follow. */
function isStatement({ text }: { readonly text: string }): boolean {
  return !text.endsWith(':') && !text.startsWith('```') && !text.startsWith('|');
}

void test('each statement names a test; only the first paragraph of a section may introduce it', () => {
  for (const [at, it] of PROMISES.entries()) {
    const isIntroduction = !it.isItem && PROMISES[at - 1]?.section !== it.section;
    if (!isStatement(it) || isIntroduction) continue;
    assert.ok(it.tests.length > 0, `${it.section}: no test is named behind: ${it.text}`);
  }
});
