/** What a person reads in the log: levels and words of the events that somebody will look for. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Event, LeaveReason } from '../../../src/observe/events.ts';
import { describe, exitText } from '../../../src/observe/log.ts';

type Exit = Extract<Event, { type: 'exited' }>['exit'];

function exited(exit: Exit, reason: LeaveReason, memory: string | null = null, inStorm = false): Event {
  return { type: 'exited', pool: 'www', pid: 7, exit, uptimeMs: 1234, reason, memory, inStorm };
}

const REQUEST = {
  pool: 'www',
  pid: 7,
  process: 8,
  requestMs: 1100,
  connectionMs: 60_000,
  blockedIn: 'wait4',
  cpuMs: 250,
  cpuOverMs: 850,
};
const CODE_0: Exit = { code: 0, signal: null };
const CODE_3: Exit = { code: 3, signal: null };
const CRASHED: Exit = { code: null, signal: 'SIGSEGV' };
const KILLED: Exit = { code: null, signal: 'SIGKILL' };

void test('an exit: with code or signal and uptime; what we did ourselves is no warning', () => {
  const rows: [Event, string, RegExp][] = [
    [exited(CODE_3, 'ended'), 'warn', /^pool www: worker 7 ended with code 3 after 1\.234 s$/],
    [exited(CODE_0, 'ended'), 'info', /code 0 after 1\.234 s, by itself$/],
    [
      exited(KILLED, 'ended', 'the host killed 1'),
      'warn',
      /SIGKILL.*; perhaps out of memory: the host killed 1$/,
    ],
    [exited(CRASHED, 'ended'), 'warn', /SIGSEGV after 1\.234 s$/],
    [exited(CRASHED, 'ended', null, true), 'info', /SIGSEGV after 1\.234 s; counted with the other crashes$/],
    [exited(KILLED, 'startTimeout'), 'warn', /SIGKILL after 1\.234 s \(startTimeout\)$/],
    [exited(CODE_0, 'replaced'), 'info', /\(replaced\)$/],
    [exited(KILLED, 'poolStopped'), 'info', /\(poolStopped\)$/],
    [exited(CODE_3, 'scaledDown'), 'info', /\(scaledDown\)$/],
    [exited(CODE_3, 'cancelled'), 'info', /\(cancelled\)$/],
  ];
  for (const [event, level, text] of rows) {
    const described = describe(event);
    assert.equal(described.level, level, described.text);
    assert.match(described.text, text);
  }
});

void test('an exit is named by its code or its signal', () => {
  assert.deepEqual([CODE_0, CODE_3, KILLED].map(exitText), ['code 0', 'code 3', 'SIGKILL']);
  assert.match(exitText({ code: null, signal: null }), /only an earlier keeper was told/);
});

void test('what is lost or broken is a warning or an error, and says what to look at', () => {
  const rows: [Event, string, RegExp][] = [
    [{ type: 'noPools', include: 'pools.d/*.toml' }, 'warn', /pools\.d\/\*\.toml/],
    [{ type: 'restored', pools: 1, workers: 2 }, 'warn', /2 workers of 1 pool taken over/],
    [{ type: 'reloadFailed', message: 'why' }, 'error', /what ran before continues: why/],
    [
      { type: 'addressLost', pool: 'www', message: 'why', isServing: true },
      'error',
      /continue, but .*why; `fpm-ts reload www` tries again/,
    ],
    [
      { type: 'addressLost', pool: 'www', message: 'why', isServing: false },
      'error',
      /is stopped: why; `fpm-ts start www` tries again/,
    ],
    [{ type: 'poolFailed', pool: 'www', reason: 'why' }, 'error', /pool www failed: why/],
    [{ type: 'spawnFailed', pool: 'www', message: 'why' }, 'error', /pool www.*why/],
    [{ type: 'startTimedOut', pool: 'www', pid: 7, timeoutMs: 500 }, 'error', /start_timeout \(500 ms\)/],
    [{ type: 'cut', pool: 'www', pid: 7, timeoutMs: 500 }, 'warn', /process_control_timeout/],
    [{ type: 'backingOff', pool: 'www', attempts: 3, delayMs: 200 }, 'warn', /3 times.*200 ms/],
    [
      { type: 'crashStorm', pool: 'www', signal: 'SIGBUS', crashes: 5, withinMs: 900 },
      'error',
      /www: 5 workers crashed within 0\.900 s, the last with SIGBUS/,
    ],
    [
      { type: 'crashStormOver', pool: 'www', crashes: 9, forMs: 2000 },
      'warn',
      /9 workers crashed in 2\.000 s/,
    ],
    [
      { type: 'slowRequest', ...REQUEST, timeoutMs: 1000, stack: ['do_wait', 'x64_sys_wait4'] },
      'warn',
      /worker 7 has a slow request \(request_slowlog_timeout 1\.000 s\).*1\.100 s by its process 8.*60 s old.*wait4.*0\.250 s in the last 0\.850 s; in the kernel: do_wait, x64_sys_wait4$/,
    ],
    [
      { type: 'requestTimedOut', ...REQUEST, timeoutMs: 1000, ends: 'killed' },
      'warn',
      /worker 7 is killed.*request_terminate_timeout 1\.000 s/,
    ],
    [
      { type: 'requestTimedOut', ...REQUEST, process: 7, timeoutMs: 1000, ends: 'drained' },
      'warn',
      /worker 7 is to leave when its other requests are done.*1\.100 s, the connection/,
    ],
    [{ type: 'rollCancelled', pool: 'www', reason: 'why' }, 'error', /the old ones continue: why/],
    [{ type: 'problem', text: 'why' }, 'error', /^why$/],
  ];
  for (const [event, level, text] of rows) {
    const described = describe(event);
    assert.equal(described.level, level, event.type);
    assert.match(described.text, text);
  }
});

void test('the life of each worker is for debugging, the life of a pool is information', () => {
  const levels = [
    describe({ type: 'spawned', pool: 'www', pid: 7, generation: 1 }),
    describe({ type: 'workerReady', pool: 'www', pid: 7, afterMs: 3 }),
    describe({ type: 'poolRunning', pool: 'www', workers: 1 }),
    describe({ type: 'poolStopped', pool: 'www' }),
  ].map(({ level }) => level);
  assert.deepEqual(levels, ['debug', 'debug', 'info', 'info']);
});
