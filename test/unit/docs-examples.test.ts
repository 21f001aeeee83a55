/** What documents show to copy, and where they lead: pool files load, files and sections are there. */
import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { test } from 'node:test';
import { loadConfig } from '../../src/config/load.ts';
import { formatProblem } from '../../src/config/problems.ts';
import { REPOSITORY } from '../lib/paths.ts';

const PAGES = ['README.md', 'ARCHITECTURE.md', 'CONTRIBUTING.md', 'SECURITY.md']
  .concat(['docs', 'packaging', 'packaging/oci'].flatMap(pagesIn))
  .map(name => ({ name, text: readFileSync(join(REPOSITORY, name), 'utf8') }));

function pagesIn(directory: string): string[] {
  const names = readdirSync(join(REPOSITORY, directory)).filter(name => name.endsWith('.md'));
  return names.map(name => join(directory, name));
}

/** As GitHub makes them of a heading. */
function anchorsOf(text: string): Set<string> {
  const headings = [...text.matchAll(/^#+ (.+)$/gm)].map(([, heading = '']) => heading.toLowerCase());
  return new Set(headings.map(heading => heading.replace(/[^\w\- ]/g, '').replaceAll(' ', '-')));
}

for (const { name, text } of PAGES) {
  void test(`${name}: each link leads to a file, and to a section of it`, () => {
    for (const [, link = ''] of text.matchAll(/\]\(([^)\s]+)\)/g)) {
      if (/^https?:/.test(link)) continue;
      const [path = '', anchor] = link.split('#');
      const target = path === '' ? join(REPOSITORY, name) : join(REPOSITORY, dirname(name), path);
      assert.ok(existsSync(target), `${name} leads to ${relative(REPOSITORY, target)}, which is missing`);
      if (anchor !== undefined && target.endsWith('.md'))
        assert.ok(anchorsOf(readFileSync(target, 'utf8')).has(anchor), `${name}: there is no ${link}`);
    }
  });

  void test(`${name}: each file of examples/ that it names is there`, () => {
    for (const [path] of text.matchAll(/(?<![\w/])examples\/[\w./-]+\.\w+/g))
      assert.ok(existsSync(join(REPOSITORY, path)), `${name} names ${path}, which is missing`);
  });

  for (const [at, [, toml = '']] of [...text.matchAll(/```toml\n(.*?)```/gs)].entries())
    void test(`${name}: pool file ${at + 1} loads`, t => {
      const directory = mkdtempSync(join(tmpdir(), 'fpm-ts-docs-'));
      t.after(() => rmSync(directory, { recursive: true }));
      writeFileSync(join(directory, 'fpm-ts.toml'), 'include = ["*.pool"]\n');
      writeFileSync(join(directory, 'www.pool'), toml);
      const { problems } = loadConfig({ file: join(directory, 'fpm-ts.toml'), env: {}, uid: 0 });
      // A page may show only the lines that it is about.
      const wrong = problems.filter(({ code }) => code !== 'CONFIG_REQUIRED');
      assert.deepEqual(wrong.map(formatProblem), []);
    });
}
