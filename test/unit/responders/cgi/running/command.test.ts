/** What is executed for a script. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { limitPrefix } from '../../../../../src/responders/cgi/limits.ts';
import { scriptCommand } from '../../../../../src/responders/cgi/running/command.ts';
import { findProgram } from '../../../../lib/needs.ts';

const NO_LIMITS = { maxCpuSeconds: 0, maxMemoryBytes: 0, maxFileBytes: 0 };

function command(interpreter: string | null, prefix: readonly string[], byPath: boolean): [string, string[]] {
  const script = {
    path: Buffer.from('/srv/real.cgi'),
    interpreter,
    variables: new Map([['SCRIPT_FILENAME', Buffer.from('/srv/asked.cgi')]]),
  };
  const words = prefix.map(word => Buffer.from(word));
  const { path, argv } = scriptCommand(script, words, byPath);
  return [path.toString(), argv.map(String)];
}

void test('itself, by its descriptor; the name that was asked for is its argv[0]', () => {
  assert.deepEqual(command(null, [], false), ['/proc/self/fd/3', ['/srv/asked.cgi']]);
});

void test('its interpreter, with the descriptor', () => {
  const expected = ['/usr/bin/perl', ['/usr/bin/perl', '/proc/self/fd/3']];
  assert.deepEqual(command('/usr/bin/perl', [], false), expected);
});

void test('by its path where that was asked for: the real one', () => {
  assert.deepEqual(command(null, [], true), ['/srv/real.cgi', ['/srv/real.cgi']]);
  assert.deepEqual(command('/bin/x', [], true), ['/bin/x', ['/bin/x', '/srv/real.cgi']]);
});

void test('limits stand in front of it', () => {
  const prefix = ['/usr/bin/prlimit', '--as=1', '--'];
  assert.deepEqual(command(null, prefix, false), ['/usr/bin/prlimit', [...prefix, '/proc/self/fd/3']]);
  assert.deepEqual(command('/bin/x', prefix, false), [
    '/usr/bin/prlimit',
    [...prefix, '/bin/x', '/proc/self/fd/3'],
  ]);
});

void test('only limits that are set', () => {
  const prlimit = findProgram('prlimit');
  const words = (limits: Partial<typeof NO_LIMITS>): string[] =>
    limitPrefix({ ...NO_LIMITS, ...limits }).map(String);
  assert.deepEqual(words({}), []);
  assert.deepEqual(words({ maxCpuSeconds: 5 }), [prlimit, '--cpu=5:6', '--']);
  assert.deepEqual(words({ maxMemoryBytes: 1024, maxFileBytes: 10 }), [
    prlimit,
    '--as=1024',
    '--fsize=10',
    '--',
  ]);
});
