/** Modes and access lists, row by row; test/root/check-permission.test.ts holds them against the kernel. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Actor, EXECUTE, permits, READ, WRITE } from '../../../src/config/check/permission.ts';
import { type AclEntry, parseAcl } from '../../../src/os/acl.ts';

const actor = (uid: number, gid: number, groups: readonly number[] = [], overrides = false): Actor => ({
  label: '',
  uid,
  gid,
  groups,
  overrides,
});
const file = (mode: number, isDirectory = false) => ({
  mode,
  uid: 10,
  gid: 20,
  isDirectory: () => isDirectory,
});

void test('the first class that somebody belongs to decides, even where a later one would give more', () => {
  const rows: [mode: number, who: Actor, wanted: number, allowed: boolean][] = [
    [0o700, actor(10, 1), READ | WRITE | EXECUTE, true],
    [0o077, actor(10, 20), READ, false],
    [0o070, actor(1, 20), EXECUTE, true],
    [0o070, actor(1, 2, [3, 20]), EXECUTE, true],
    [0o707, actor(1, 2, [20]), EXECUTE, false],
    [0o001, actor(1, 2), EXECUTE, true],
    [0o776, actor(1, 2), EXECUTE, false],
    [0o005, actor(1, 2), READ | EXECUTE, true],
    [0o004, actor(1, 2), READ | EXECUTE, false],
  ];
  for (const [mode, who, wanted, allowed] of rows) {
    assert.equal(permits(who, file(mode), null, wanted), allowed, `${mode.toString(8)} ${who.uid} ${wanted}`);
  }
});

void test('root passes any mode, but executes only what somebody may execute', () => {
  const root = actor(0, 0, [], true);
  assert.equal(permits(root, file(0), null, READ | WRITE), true);
  assert.equal(permits(root, file(0o666), null, EXECUTE), false);
  assert.equal(permits(root, file(0o010), null, EXECUTE), true);
  assert.equal(permits(root, file(0, true), null, EXECUTE), true);
  const withoutCapability = actor(0, 0);
  assert.equal(permits(withoutCapability, file(0o770), null, READ), false);
});

const entry = (tag: AclEntry['tag'], permissions: number, id = -1): AclEntry => ({ tag, permissions, id });

void test('an access list: named users and groups count within the mask, the owner does not', () => {
  const acl = [
    entry('owner', 7),
    entry('user', 7, 33),
    entry('user', 0, 34),
    entry('owning-group', 4),
    entry('group', 1, 50),
    entry('mask', 5),
    entry('other', 7),
  ];
  const rows: [who: Actor, wanted: number, allowed: boolean][] = [
    [actor(10, 1), WRITE, true],
    [actor(33, 1), EXECUTE, true],
    [actor(33, 1), WRITE, false],
    [actor(34, 50, [20]), READ, false],
    [actor(1, 20), READ, true],
    [actor(1, 20), EXECUTE, false],
    [actor(1, 2, [50]), EXECUTE, true],
    [actor(1, 20, [50]), READ | EXECUTE, false], // one entry must give all of it
    [actor(1, 2), READ | WRITE | EXECUTE, true],
  ];
  for (const [who, wanted, allowed] of rows) {
    const name = `${who.uid}:${who.gid}:${who.groups.join()} ${wanted}`;
    assert.equal(permits(who, file(0o777), acl, wanted), allowed, name);
  }
});

void test('access lists as the kernel stores them, and bytes that are none', () => {
  const bytes = Buffer.from('02000000' + '01000700ffffffff' + '0200050021000000' + '20000100ffffffff', 'hex');
  assert.deepEqual(parseAcl(bytes), [
    { tag: 'owner', permissions: 7, id: 0xffff_ffff },
    { tag: 'user', permissions: 5, id: 33 },
    { tag: 'other', permissions: 1, id: 0xffff_ffff },
  ]);
  assert.throws(() => parseAcl(Buffer.from('03000000', 'hex')), RangeError);
  assert.throws(() => parseAcl(Buffer.alloc(0)), RangeError);
  assert.throws(() => parseAcl(Buffer.from('020000000300070000000000', 'hex')), RangeError);
});
