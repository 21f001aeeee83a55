/** The pages of native libraries, moved off their files. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { libraryMappings, ownLibraries } from '../../../src/os/own-library.ts';

const MAPS = `55d0c0a00000-55d0c1a00000 r-xp 00000000 fe:00 11                         /usr/bin/node
7f6fd9588000-7f6fd95ee000 r--p 00000000 fe:00 23                         /srv/a b/koffi.node
7f6fd95ee000-7f6fd95ef000 r-xp 00066000 fe:00 23                         /srv/a b/koffi.node (deleted)
7f6fd969c000-7f6fd969d000 ---p 00114000 fe:00 23                         /srv/a b/koffi.node
7f6fd969f000-7f6fd96a0000 rw-p 00116000 fe:00 23                         /srv/a b/koffi.node
7f6fd96a0000-7f6fd96a1000 rw-p 00000000 00:00 0
7f6fd96b0000-7f6fd96b1000 r-xp 00000000 fe:00 24                         /lib/libc.so.6
`;

void test('the readable mappings of addons are found, with their protection', () => {
  assert.deepEqual(libraryMappings(MAPS), [
    { start: 0x7f6fd9588000n, bytes: 0x66000, protection: 1 },
    { start: 0x7f6fd95ee000n, bytes: 0x1000, protection: 5 },
    { start: 0x7f6fd969f000n, bytes: 0x1000, protection: 3 },
  ]);
});

void test('afterwards this process maps nothing of them any more', () => {
  assert.ok(libraryMappings(readFileSync('/proc/self/maps', 'utf8')).length > 0);
  ownLibraries();
  assert.deepEqual(libraryMappings(readFileSync('/proc/self/maps', 'utf8')), []);
});
