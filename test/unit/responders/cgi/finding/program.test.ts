/** Which files may be run, and by what: names, bits, the list of programs, interpreters. */
import assert from 'node:assert/strict';
import {
  chmodSync,
  copyFileSync,
  linkSync,
  mkdtempSync,
  realpathSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { after, test } from 'node:test';
import type { CgiSettings } from '../../../../../src/responders/cgi/settings.ts';
import { ask, locatorFor, openDescriptors, writeScript } from '../../../../lib/cgi-tree.ts';
import { TEMPORARY } from '../../../../lib/place.ts';

const dir = realpathSync(mkdtempSync(join(TEMPORARY, 'fpm-ts-program-')));
after(() => rmSync(dir, { recursive: true, force: true }));
chmodSync(dir, 0o755);
const at = (path: string): string => `${dir}/${path}`;

/** What becomes of each: "by itself", what runs it, or the status. */
function outcomes(settings: Partial<CgiSettings>, paths: readonly string[]): Record<string, string | number> {
  const locator = locatorFor({ roots: settings.programs === undefined ? [dir] : [], ...settings });
  const before = openDescriptors();
  const found = paths.map(path => {
    const { status, interpreter } = ask(locator, path.startsWith('/') ? path : at(path));
    return [path, status === 200 ? (interpreter ?? 'by itself') : status] as const;
  });
  assert.ok(openDescriptors() <= before); // Node may have closed some of its own
  locator.close();
  return Object.fromEntries(found);
}

void test('extensions are the end of the name that the file really has, to the letter', () => {
  for (const name of [
    'x.cgi',
    'x.pl',
    'x.cgi.',
    'x.CGI',
    'x.cgi ',
    'x.cgi.bak',
    'xcgi',
    'x',
    'd.cgi/y.txt',
    'd.cgi/z.cgi',
  ])
    writeScript(at(name));
  symlinkSync('x.cgi', at('link.txt'));
  symlinkSync('x', at('link.cgi'));
  const names = [
    'x.cgi',
    'x.pl',
    'x.cgi.',
    'x.CGI',
    'x.cgi ',
    'x.cgi.bak',
    'xcgi',
    'x',
    'd.cgi/y.txt',
    'd.cgi/z.cgi',
  ];
  assert.deepEqual(
    outcomes({ extensions: ['.cgi', '.pl'] }, [...names, 'x.cgi/.pl', 'link.txt', 'link.cgi']),
    {
      'x.cgi': 'by itself',
      'x.pl': 'by itself',
      'x.cgi.': 403,
      'x.CGI': 403,
      'x.cgi ': 403,
      'x.cgi.bak': 403,
      xcgi: 403,
      x: 403,
      'd.cgi/y.txt': 403,
      'd.cgi/z.cgi': 'by itself',
      'x.cgi/.pl': 'by itself', // x.cgi, with /.pl as its PATH_INFO
      'link.txt': 'by itself',
      'link.cgi': 403,
    },
  );
});

void test('with a list of programs these are run wherever they stand, by whatever name, and nothing else', () => {
  writeScript(at('listed'));
  writeScript(at('unlisted'));
  linkSync(at('listed'), at('hard'));
  symlinkSync('listed', at('soft'));
  copyFileSync(at('listed'), at('copy'));
  assert.deepEqual(
    outcomes({ programs: [at('listed'), at('not-there')] }, [
      'listed',
      'listed/info',
      'hard',
      'soft',
      'copy',
      'unlisted',
      '/bin/sh',
      'gone',
    ]),
    {
      listed: 'by itself',
      'listed/info': 'by itself',
      hard: 'by itself',
      soft: 'by itself',
      copy: 403,
      unlisted: 403,
      '/bin/sh': 403,
      gone: 404,
    },
  );
  // Below a root as well as in the list.
  assert.deepEqual(
    outcomes({ roots: [at('d.cgi')], programs: [at('listed'), at('d.cgi/z.cgi')] }, [
      'listed',
      'd.cgi/z.cgi',
      'd.cgi/y.txt',
    ]),
    {
      listed: 403,
      'd.cgi/z.cgi': 'by itself',
      'd.cgi/y.txt': 403,
    },
  );
});

void test('a program that is replaced is the new one at once, and the old one not any more', () => {
  writeScript(at('tool'));
  const locator = locatorFor({ programs: [at('tool')] });
  writeScript(at('tool.new'));
  linkSync(at('tool'), at('tool.old'));
  assert.equal(ask(locator, at('tool.new')).status, 403);
  renameSync(at('tool.new'), at('tool'));
  assert.equal(ask(locator, at('tool')).status, 200);
  assert.equal(ask(locator, at('tool.old')).status, 403);
  locator.close();
});

void test('an interpreter runs what cannot run by itself', () => {
  writeFileSync(at('plain.sh'), 'echo');
  writeScript(at('bit-only.sh'), 'echo\n', 0o755);
  writeScript(at('own.sh'), '#!/bin/bash\n', 0o755);
  writeScript(at('without-bit.sh'), '#!/bin/bash\n', 0o644);
  writeScript(at('.sh'), '', 0o644);
  copyFileSync('/bin/true', at('compiled.sh'));
  writeFileSync(at('other.py'), '');
  const interpreters = new Map([['.sh', '/bin/sh']]);
  assert.deepEqual(
    outcomes({ interpreters }, [
      'plain.sh',
      'plain.sh/info',
      'bit-only.sh',
      'own.sh',
      'without-bit.sh',
      '.sh',
      'compiled.sh',
      'other.py',
    ]),
    {
      'plain.sh': '/bin/sh',
      'plain.sh/info': '/bin/sh',
      'bit-only.sh': '/bin/sh',
      'own.sh': 'by itself',
      'without-bit.sh': '/bin/sh',
      '.sh': '/bin/sh',
      'compiled.sh': 'by itself',
      'other.py': 403,
    },
  );
  // Where two suffixes fit, the one that is said first.
  const two = new Map([
    ['.tar.sh', '/bin/true'],
    ['.sh', '/bin/sh'],
  ]);
  writeFileSync(at('x.tar.sh'), '');
  assert.deepEqual(outcomes({ interpreters: two }, ['x.tar.sh']), { 'x.tar.sh': '/bin/true' });
});
