/** Lines for the administrator, to a destination that takes them or does not. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Report } from '../../../../src/responders/cgi/report.ts';
import { until } from '../../../lib/poll.ts';

/** Takes what `room` says, and is slow when that is used up. */
function destination(room: number): { room: number; readonly text: string; readonly report: Report } {
  const taken: Buffer[] = [];
  const state = {
    room,
    get text() {
      return Buffer.concat(taken).toString();
    },
    report: new Report({
      isTerminal: false,
      identity: 'test',
      write(bytes) {
        const count = Math.min(bytes.length, state.room);
        if (count === 0) throw Object.assign(new Error('slow'), { code: 'EAGAIN' });
        taken.push(Buffer.from(bytes.subarray(0, count)));
        state.room -= count;
        return count;
      },
      close() {},
    }),
  };
  return state;
}

void test('one line each, whatever is in it', () => {
  const state = destination(10_000);
  state.report.say('404: /a\nb\x1b[31m is not there');
  state.report.scriptLine('/srv/a', 12, Buffer.from('oops'), false);
  state.report.scriptLine('/srv/a', 12, Buffer.from('oops'), true);
  assert.equal(
    state.text,
    [
      'fpm-ts cgi: 404: /a\\x0ab\\x1b[31m is not there',
      'fpm-ts cgi: /srv/a[12]: oops',
      'fpm-ts cgi: /srv/a[12]: oops (cut: the line is longer)',
      '',
    ].join('\n'),
  );
});

void test('what is said once is said once, and clients cannot make it remember without end', () => {
  const state = destination(1_000_000);
  for (let at = 0; at < 1000; at++) for (const _ of [1, 2]) state.report.sayOnce(`name ${at}`);
  const lines = state.text.trimEnd().split('\n');
  assert.equal(new Set(lines).size, lines.length);
  assert.ok(lines.length < 100);
});

void test('what is not taken at once is kept and follows in its order, also from the middle of a line', async () => {
  const state = destination(20);
  state.report.say('first');
  state.report.say('second');
  state.room = 1_000;
  await until(() => state.text.endsWith('second\n'), { what: 'the rest to be written' });
  assert.equal(state.text, 'fpm-ts cgi: first\nfpm-ts cgi: second\n');
});

void test('what is too much is dropped, and how much that was is said', async () => {
  const state = destination(0);
  for (let at = 0; at < 10_000; at++) state.report.say(`line ${at} ${'x'.repeat(100)}`);
  state.room = 10_000_000;
  await until(() => /\d+ lines dropped/.test(state.text), { what: 'the report of what was dropped' });
  const kept = [...state.text.matchAll(/line (\d+) /g)].map(match => Number(match[1]));
  const [, dropped] = /(\d+) lines dropped/.exec(state.text) ?? [];
  assert.equal(kept.length + Number(dropped), 10_000);
  assert.deepEqual(
    kept,
    kept.map((_, at) => at),
  );
});
