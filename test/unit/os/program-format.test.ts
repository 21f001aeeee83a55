/** What execve(2) takes: ELF, scripts, and what binfmt_misc has registered. */
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { isProgramFormat, parseFormat, registeredFormats } from '../../../src/os/program-format.ts';

/** As Debian's binfmt-support and qemu register them. */
const JAR = 'enabled\ninterpreter /usr/bin/jexec\nflags: \noffset 0\nmagic 504b0304\n';
const WINDOWS = 'enabled\ninterpreter /usr/bin/wine\nflags: \nextension .exe\n';
const MASKED = 'enabled\ninterpreter /usr/bin/x\nflags: OCF\noffset 2\nmagic aabb\nmask f0ff\n';

const bytes = (text: string): Buffer => Buffer.from(text, 'latin1');

void test('ELF and scripts are programs, text and nothing are none', () => {
  assert.equal(isProgramFormat('/x', readFileSync(process.execPath).subarray(0, 256), []), true);
  assert.equal(isProgramFormat('/x', bytes('#!/bin/sh\n'), []), true);
  for (const head of ['', '#', '\x7fEL', 'echo hello\n', ' #!/bin/sh\n', 'PK\x03\x04'])
    assert.equal(isProgramFormat('/x', bytes(head), []), false, JSON.stringify(head));
});

void test('registered formats are recognised by their bytes or by the name', () => {
  const formats = [JAR, WINDOWS, MASKED].flatMap(text => parseFormat(text) ?? []);
  assert.equal(formats.length, 3);
  const rows: readonly [string, string, boolean][] = [
    ['/srv/a', 'PK\x03\x04...', true],
    ['/srv/a', 'PK\x03', false],
    ['/srv/a.exe', 'anything', true],
    ['/srv/a.exe/b', 'anything', false],
    ['/srv/a', '..\xac\xbb', true],
    ['/srv/a', '..\xbc\xbb', false],
    ['/srv/a', '\xaa\xbb', false],
  ];
  for (const [path, head, expected] of rows)
    assert.equal(isProgramFormat(path, bytes(head), formats), expected, `${path} ${head}`);
});

void test('what is disabled, or not mounted, is not there', t => {
  const directory = mkdtempSync(join(tmpdir(), 'fpm-ts-binfmt-'));
  t.after(() => rmSync(directory, { recursive: true }));
  assert.deepEqual(registeredFormats(directory), []);
  const write = (name: string, text: string): void => writeFileSync(join(directory, name), text);
  write('status', 'enabled\n');
  write('register', '');
  write('jar', JAR);
  write('wine', WINDOWS.replace('enabled', 'disabled'));
  assert.deepEqual(registeredFormats(directory), [
    { offset: 0, magic: Buffer.from('PK\x03\x04'), mask: null },
  ]);
  write('status', 'disabled\n');
  assert.deepEqual(registeredFormats(directory), []);
});
