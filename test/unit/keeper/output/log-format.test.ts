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
    '{"level":30,"time":1000,"pool":"www","pid":12,"stream":"stderr","part":1,"last":true,"msg":"hello"}',
  );
});

void test('what a record does not have does not appear', () => {
  assert.equal(jsonLine({ level: 40, time: 1, msg: 'x' }), '{"level":40,"time":1,"msg":"x"}');
});

void test('plain is the line itself', () => assert.equal(plainFormat('{"a":1}'), '{"a":1}\n'));

void test('pretty is one line that shows pool, pid, level, message and further fields', async () => {
  const pretty = prettyFormat(false);
  const line = pretty(
    jsonLine({ level: 40, time: 1, pool: 'www', pid: 12, stream: 'stderr', part: 2, msg: 'hi' }),
  );
  assert.match(line, /^\[\d\d:\d\d:\d\d\.\d{3}\] WARN: www\[12\] hi \{"part":2\}\n$/);
});

void test('pretty puts pool and pid before what a worker wrote; our own records name them themselves', async () => {
  const pretty = prettyFormat(false);
  const ours = '{"level":30,"time":1,"event":"poolRunning","pool":"www","msg":"pool www is running"}';
  assert.match(pretty(ours), /INFO: pool www is running \{"event":"poolRunning"\}\n$/);
});

void test('pretty shows a record that is about no pool without one', async () => {
  const pretty = prettyFormat(false);
  assert.match(pretty('{"level":30,"time":1,"msg":"ready"}'), /INFO: ready\n$/);
});

void test('pretty has colours only when asked', async () => {
  const line = '{"level":30,"time":1,"msg":"ready"}';
  assert.ok(prettyFormat(true)(line).includes('\x1b['));
  assert.ok(!prettyFormat(false)(line).includes('\x1b['));
});
