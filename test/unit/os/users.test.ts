/** Users and groups, beside what id(1) and getent(1) say of the same database. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { test } from 'node:test';
import { lookupGroup, lookupUser, supplementaryGroups } from '../../../src/os/users.ts';

interface Entry {
  readonly name: string;
  readonly id: number;
  readonly rest: readonly string[];
}

function database(name: 'passwd' | 'group'): Entry[] {
  const lines = execFileSync('getent', [name], { encoding: 'utf8' }).trim().split('\n');
  return lines.map(line => {
    const [entry = '', , id = '', ...rest] = line.split(':');
    return { name: entry, id: Number(id), rest };
  });
}

/** An id that no entry has. */
function freeId(entries: readonly Entry[]): number {
  const taken = new Set(entries.map(({ id }) => id));
  for (let id = 4_000_000; ; id++) if (!taken.has(id)) return id;
}

const users = database('passwd');
const groups = database('group');

void test('every user of the database is found by name, with uid, group and home', () => {
  for (const { name, id, rest } of users) {
    assert.deepEqual(lookupUser(name), { uid: id, name, gid: Number(rest[0]), home: rest[2] });
  }
});

void test('a number finds its user, and a number without an entry is somebody without name and group', () => {
  const root = lookupUser('0');
  assert.equal(root?.name, 'root');
  const free = freeId(users);
  assert.deepEqual(lookupUser(String(free)), { uid: free, name: null, gid: null, home: null });
});

void test('no user: an unknown name, what is no number, and ids that mean nobody', () => {
  for (const name of ['no-such-user', '', '-1', '1.5', ' 0', '0x0', '4294967295', '99999999999']) {
    assert.equal(lookupUser(name), null, JSON.stringify(name));
  }
  assert.equal(lookupUser('4294967294')?.uid, 4_294_967_294);
});

void test('every group of the database is found by name; numbers as with users', () => {
  for (const { name, id } of groups) assert.deepEqual(lookupGroup(name), { gid: id, name });
  const free = freeId(groups);
  assert.equal(lookupGroup('0')?.name, 'root');
  assert.deepEqual(lookupGroup(String(free)), { gid: free, name: null });
  assert.equal(lookupGroup('no-such-group'), null);
});

void test('supplementary groups are those that id -G prints, by name and by number alike', () => {
  const members = groups.flatMap(({ rest }) => (rest[0] ?? '').split(',')).filter(name => name !== '');
  for (const name of new Set(['root', 'nobody', ...members])) {
    const user = lookupUser(name);
    if (user === null || user.gid === null) continue; // a group may list users that do not exist
    const expected = execFileSync('id', ['-G', name], { encoding: 'utf8' }).trim().split(' ').map(Number);
    assert.deepEqual(new Set(supplementaryGroups(user, user.gid)), new Set(expected), name);
    const byNumber = lookupUser(String(user.uid));
    assert.equal(byNumber?.uid, user.uid);
  }
});

void test('the primary group that is asked for is among them, and a bare number has none at all', () => {
  const root = lookupUser('root');
  assert.ok(root !== null);
  assert.ok(supplementaryGroups(root, 12_345).includes(12_345));
  const nobody = lookupUser(String(freeId(users)));
  assert.ok(nobody !== null);
  assert.deepEqual(supplementaryGroups(nobody, 12_345), []);
});
