import assert from 'node:assert/strict';
import { test } from 'node:test';
import { jsonLine, plainFormat, prettyFormat } from '../../../../src/keeper/output/log-format.ts';

void test('the known keys come first and in one order, msg last, whatever order the record has', () => {
  assert.equal(
    jsonLine({
      msg: 'hello',
      stream: 'stderr',
      part: 1,
      last: true,
      pid: 12,
      pool: 'www',
      time: 1000,
      level: 30,
    }),
    '{"level":30,"severity":"info","time":1000,"timestamp":"1970-01-01T00:00:01.000Z","pool":"www","pid":12,"stream":"stderr","part":1,"last":true,"msg":"hello"}',
  );
});

void test('what a record does not have does not appear', () => {
  assert.equal(
    jsonLine({ level: 40, time: 1, msg: 'x' }),
    '{"level":40,"severity":"warn","time":1,"timestamp":"1970-01-01T00:00:00.001Z","msg":"x"}',
  );
});

void test('plain is the line itself', () => assert.equal(plainFormat('{"a":1}'), '{"a":1}\n'));

const DATE = /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3} /;
const shown = (record: Parameters<typeof jsonLine>[0]): string =>
  prettyFormat(false)(jsonLine(record)).replace(DATE, '');

void test('pretty is date and time, level, pool and pid in columns, the text, and what the text does not say', () => {
  const output = { level: 40, time: 1, pool: 'www', pid: 12, stream: 'stderr', part: 2, msg: 'hi' } as const;
  assert.match(prettyFormat(false)(jsonLine(output)), DATE);
  assert.equal(shown(output), 'WARN  www               12  stderr: hi part=2\n');
  assert.equal(shown({ level: 30, time: 1, msg: 'ready' }), 'INFO  -                  -  ready\n');
});

void test('pretty does not repeat the pool in the text of our own records, nor the name of the event', () => {
  const ours = { level: 30, time: 1, event: 'rolled', pool: 'www', msg: 'pool www: generation 2 serves' };
  assert.equal(shown(ours), 'INFO  www                -  generation 2 serves\n');
  assert.equal(
    shown({ ...ours, msg: 'pool www is running' }),
    'INFO  www                -  pool www is running\n',
  );
});

void test('what an application wrote cannot look like a message of fpm-ts, and never acts on the terminal', () => {
  const stream = 'stdout';
  assert.match(
    shown({ level: 30, time: 1, pool: 'a', pid: 1, stream, msg: 'stopped' }),
    /1 {2}stdout: stopped\n$/,
  );
  const evil = '\x1b[2J\u009b\u202e a\nb\tc';
  const record = {
    level: 30,
    time: 1,
    pool: evil,
    pid: evil as never,
    stream: evil as never,
    x: evil,
    msg: evil,
  };
  assert.equal(
    shown(record)
      .match(/[\p{Cc}\p{Bidi_Control}]/gu)
      ?.join(),
    '\n',
  );
  assert.equal(shown({ level: 50, time: 1, msg: 'a:\n  b' }), 'ERROR -                  -  a: | b\n');
});

void test('pretty shows what is not a record as it is, but printable', () => {
  for (const line of ['plain', 'null', '[1]', '{"level":30}', '{"level":30,"time":1e300,"msg":""}', '{'])
    assert.equal(prettyFormat(true)(line), `${line}\n`);
  assert.equal(prettyFormat(true)('a\x1b[31m'), 'a\\x1b[31m\n');
});

void test('pretty has colours only when asked', async () => {
  const line = '{"level":30,"time":1,"msg":"ready"}';
  assert.ok(prettyFormat(true)(line).includes('\x1b['));
  assert.ok(!prettyFormat(false)(line).includes('\x1b['));
});
