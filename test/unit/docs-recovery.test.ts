/** docs/reload-and-recovery.md says nothing that no test shows: each link names a test, in the file that has it. */
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { test } from 'node:test';
import { REPOSITORY } from '../lib/paths.ts';

const DOCS = join(REPOSITORY, 'docs');
const text = readFileSync(join(DOCS, 'reload-and-recovery.md'), 'utf8');
/** What stands before the first section only says what the page is about. */
const sections = text.split(/^##+ /m).slice(1);

/** `[the test's name](../test/FILE.test.ts)`; a line may end within it. */
const LINK = /\[([^\]]+)\]\((\.\.\/test\/[^)]+)\)/g;
/** A call that registers a test, with its name as it stands in the source. */
const TEST = /\b(?:test|suite)\(\s*(['"`])((?:\\.|(?!\1)[^\\])+)\1/g;

/** The name of a test that stands in a template takes any text where a value is put in. */
function pattern(quote: string, name: string): RegExp {
  const parts = quote === '`' ? name.split(/\$\{[^}]*\}/) : [name];
  const literal = parts.map(part => part.replace(/\\(.)/g, '$1').replace(/[.*+?^${}()|[\]\\]/g, '\\$&'));
  return new RegExp(`^${literal.join('.+')}$`);
}

function testNames(file: string): RegExp[] {
  const source = readFileSync(file, 'utf8');
  return [...source.matchAll(TEST)].map(([, quote = '', name = '']) => pattern(quote, name));
}

void test('each link leads to a file that has a test of exactly that name', () => {
  const links = [...text.matchAll(LINK)];
  assert.ok(links.length > 0);
  for (const [, name = '', path = ''] of links) {
    const file = join(DOCS, path);
    assert.ok(existsSync(file), `${path} is not there`);
    const wanted = name.replace(/\s+/g, ' ');
    assert.ok(
      testNames(file).some(it => it.test(wanted)),
      `${relative(REPOSITORY, file)} has no test named "${wanted}"`,
    );
  }
});

/** Paragraphs and items of lists. */
function blocks(section: string): string[] {
  const [, ...body] = section.split('\n');
  return body
    .join('\n')
    .split(/\n\s*\n|\n(?=- |\d+\. )/)
    .map(block => block.replace(/\s+/g, ' ').trim())
    .filter(block => block !== '');
}

void test('each section says something, and each paragraph and each item names the test that shows it', () => {
  for (const section of sections) {
    const found = blocks(section);
    assert.ok(found.length > 0, `nothing is said of: ${section.split('\n', 1)[0]}`);
    for (const block of found) assert.ok(block.match(LINK) !== null, `without a test: ${block}`);
  }
});
