/** docs/security.md claims nothing that no test shows: behind each item of its lists a comment names suites. */
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { REPOSITORY } from '../lib/paths.ts';

const text = readFileSync(join(REPOSITORY, 'docs/security.md'), 'utf8');
/** The last section says what is not protected, which no test shows. */
const [claims = ''] = text.split('## What fpm-ts does not protect');
const items = claims.split('\n').filter(line => line.startsWith('- ') && !line.startsWith('- ['));
const NAMES = /<!-- ([^>]+) -->$/;

const isThere = (name: string): boolean => existsSync(join(REPOSITORY, 'test', `${name}.test.ts`));

void test('each claim names suites, and each suite is there', () => {
  assert.ok(items.length > 30);
  for (const item of items) {
    const [, names = ''] = NAMES.exec(item) ?? [];
    assert.notEqual(names, '', `no test is named behind: ${item}`);
    for (const name of names.split(' ')) assert.ok(isThere(name), `test/${name}.test.ts is missing: ${item}`);
  }
});

void test('SECURITY.md says how to report, and the page and the list of documents lead there', () => {
  const policy = readFileSync(join(REPOSITORY, 'SECURITY.md'), 'utf8');
  assert.match(policy, /Report privately through the repository's security advisories/);
  assert.match(text, /\]\(\.\.\/SECURITY\.md\)/);
  assert.match(readFileSync(join(REPOSITORY, 'README.md'), 'utf8'), /\]\(docs\/security\.md\)/);
});
