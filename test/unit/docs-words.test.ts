/** Pages for users are in plain technical English: forms that readers had to read twice do not come back. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { REPOSITORY } from '../lib/paths.ts';

/** Not rewritten yet, or made of texts of the code and of the tests. Take a page off when it is clean. */
const NOT_YET: ReadonlySet<string> = new Set([
  'ARCHITECTURE.md',
  'CONTRIBUTING.md',
  'docs/errors.md',
  'docs/reload-and-recovery-tests.md',
  'packaging/man/fpm-ts.8',
]);

const FORBIDDEN: readonly (readonly [form: RegExp, instead: string])[] = [
  [/\bmeanwhile\b/i, 'until then, during this'],
  [/\bby then\b/i, 'until then'],
  [/\bwhoever\b/i, 'a process, client or user that'],
  [/(?:^|[.:;!?|] )(?:[-*] |#+ )?Who (?![^.]*\?)/m, 'a process, client or user that'],
  [/\b(?:go|goes|going|went) on\b/i, 'continue'],
  [/\bin hand\b/i, 'in flight'],
  [/\b(?:is|are|was|were) not there\b/i, 'is missing'],
  [/\b(?:is|are|was|were) gone\b/i, 'has exited, does not exist'],
  [/(?<!there )\b(?:is|are) no (?!longer\b|more\b)/i, 'is not a'],
  [/\b(?:die|dies|died)\b/i, 'exit, crash'],
  [/\b(?:break|breaks|broke|broken) off\b/i, 'fail, abort'],
  [/\bstands? (?:in|there|behind|below|under)\b/i, 'is in'],
  [/\b(?:it|that) is said\b/i, 'reports'],
  [/\bnot root:/i, 'for other users'],
];

function pagesIn(directory: string): string[] {
  return readdirSync(join(REPOSITORY, directory))
    .filter(name => name.endsWith('.md'))
    .map(name => join(directory, name));
}

const MAN_PAGES = ['packaging/man/fpm-ts.8', 'packaging/man/fpm-ts.toml.5'];
const PAGES = ['README.md', 'ARCHITECTURE.md', 'CONTRIBUTING.md', 'SECURITY.md', ...MAN_PAGES]
  .concat(['docs', 'docs/generate', 'packaging', 'packaging/oci'].flatMap(pagesIn))
  .filter(name => !NOT_YET.has(name));

/** Without what is quoted: code, and the comments that name tests. */
function prose(text: string): string {
  return text.replace(/```.*?```|^\.EX$.*?^\.EE$|<!--.*?-->|`[^`\n]*`/gms, '');
}

for (const name of PAGES)
  void test(`${name} is in plain English`, () => {
    const text = prose(readFileSync(join(REPOSITORY, name), 'utf8'));
    const found = FORBIDDEN.flatMap(([form, instead]) => {
      const match = form.exec(text.replace(/(?<!\n)\n(?![\n|#-])/g, ' '));
      return match === null ? [] : [`"${match[0].trim()}": write ${instead}`];
    });
    assert.deepEqual(found, []);
  });
