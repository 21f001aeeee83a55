/** Who may do what, as a table: callers by commands. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { COMMANDS, type CommandName, commandNamed } from '../../../../src/commands/commands.ts';
import { FpmError } from '../../../../src/errors.ts';
import * as access from '../../../../src/keeper/supervision/access.ts';
import type { RawArgs } from '../../../../src/keeper/supervision/command-rule.ts';

type Caller = access.Caller;

function mayUse(caller: Caller, name: CommandName, args: RawArgs): void {
  access.mayUse(caller, commandNamed(name), args, COMMANDS);
}

function mayAsk(caller: Caller, name: CommandName): void {
  access.mayAsk(caller, commandNamed(name), COMMANDS);
}

const ALL: Caller = { uid: 0, mayDoAll: true, ownPools: [], ownFiles: [] };
const OWNER: Caller = { uid: 33, mayDoAll: false, ownPools: ['a', 'b'], ownFiles: [] };
const STRANGER: Caller = { uid: 1000, mayDoAll: false, ownPools: [], ownFiles: [] };

function isAllowed(caller: Caller, name: CommandName, args: RawArgs): boolean {
  try {
    mayUse(caller, name, args);
    return true;
  } catch (error) {
    assert.ok(error instanceof FpmError);
    assert.equal(error.code, 'NOT_ALLOWED');
    assert.match(error.message, new RegExp(`uid ${caller.uid} may not use ${name}`));
    return false;
  }
}

void test("a pool's own user: status and reload of own pools by name, and nothing else", () => {
  const rows: [CommandName, RawArgs, boolean][] = [
    ['status', { pool: 'a' }, true],
    ['status', { pool: 'c' }, false],
    ['status', {}, false],
    ['status', { pool: ['a', 'b'] }, true],
    ['status', { pool: ['a', 'c'] }, false],
    ['status', { pool: [] }, false],
    ['reload', { pools: ['a'] }, true],
    ['reload', { pools: ['a', 'b'], changed: true }, true],
    ['reload', { pools: ['a', 'c'] }, false],
    ['reload', { pools: [] }, false],
    ['reload', {}, false],
    ['stop', { pools: ['a'] }, false],
    ['start', { pools: ['a'] }, false],
    ['scale', { pool: 'a', workers: 1 }, false],
    ['pause', { pools: ['a'] }, false],
    ['resume', { pools: ['a'] }, false],
    ['reopen-logs', {}, false],
    ['explain', { pool: 'a' }, true],
    ['explain', { pool: 'c' }, false],
    ['takeover', { pool: 'a', pid: 1 }, false],
    ['upgrade', {}, false],
    ['upgrade', { dry_run: true }, false],
    ['status', { pool: '__proto__' }, false],
    ['reload', { pools: ['a', 'a', 'b'] }, true],
    ['reload', { pools: ['a', 'constructor'] }, false],
  ];
  assert.deepEqual([...new Set(rows.map(([name]) => name))].sort(), COMMANDS.map(it => it.name).sort());
  for (const [name, args, expected] of rows) {
    assert.equal(isAllowed(OWNER, name, args), expected, `${name} ${JSON.stringify(args)}`);
  }
});

void test('whoever may do all may do each; a stranger may do none', () => {
  for (const { name } of COMMANDS) {
    assert.equal(isAllowed(ALL, name, {}), true, name);
    assert.equal(isAllowed(STRANGER, name, { pools: ['a'] }), false, name);
  }
});

void test('the refusal says what the caller may instead', () => {
  assert.throws(
    () => mayUse(OWNER, 'stop', {}),
    /it may use reload, status and explain for a, b, each by name/,
  );
  assert.throws(() => mayUse(STRANGER, 'stop', {}), /members of control\.group may$/);
});

void test('before any arguments are known: whoever may use nothing of a command', () => {
  for (const { name } of COMMANDS) {
    assert.doesNotThrow(() => mayAsk(ALL, name), name);
    assert.throws(() => mayAsk(STRANGER, name), /uid 1000 may not use/, name);
    if (commandNamed(name).isForPoolUsers) assert.doesNotThrow(() => mayAsk(OWNER, name), name);
    else assert.throws(() => mayAsk(OWNER, name), /it may use reload, status and explain for a, b/, name);
  }
});
