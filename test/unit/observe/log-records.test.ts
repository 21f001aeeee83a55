/**
 * Real records of every event, as `log.format = "pretty"` shows them: the line contains everything that a field says,
 * because another value gives another line, and it shows no field beside its text, which would repeat it.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { prettyFormat } from '../../../src/keeper/output/log-format.ts';
import type { Event } from '../../../src/observe/events.ts';
import { logEvents, supervisorLogger } from '../../../src/observe/log.ts';

type Samples = { readonly [T in Event['type']]: Extract<Event, { type: T }> };

const of = { pool: 'www', pid: 4711 };
const request = {
  ...of,
  process: 4712,
  requestMs: 1100,
  connectionMs: 61_000,
  blockedIn: 'wait4',
  cpuMs: 250,
  cpuOverMs: 850,
};
const SAMPLES: Samples = {
  started: { type: 'started', pools: 3, runDir: '/run/dir', control: '/run/dir/c.sock' },
  noPools: { type: 'noPools', include: 'pools.d/*' },
  restored: { type: 'restored', pools: 3, workers: 17 },
  upgraded: { type: 'upgraded', pools: 3, workers: 17 },
  upgrading: { type: 'upgrading', from: '0.1.0', to: '0.2.0' },
  upgradeFailed: { type: 'upgradeFailed', message: 'no Node' },
  notice: { type: 'notice', text: 'a notice' },
  ready: { type: 'ready' },
  signalled: { type: 'signalled', signal: 'SIGTERM', means: 'stop' },
  stopping: { type: 'stopping', now: false },
  stopped: { type: 'stopped' },
  reloading: { type: 'reloading', pools: ['www'] },
  reloaded: { type: 'reloaded', pools: ['www'] },
  reloadFailed: { type: 'reloadFailed', message: 'a.toml:1:1: wrong\n  write: right' },
  takingOver: { type: 'takingOver', pool: 'www', program: 'php-fpm' },
  tookOver: { type: 'tookOver', pool: 'www', program: 'php-fpm' },
  logsReopened: { type: 'logsReopened' },
  controlRestored: { type: 'controlRestored', control: '/run/c.sock' },
  blind: { type: 'blind', fileLimit: 1024 },
  sighted: { type: 'sighted' },
  problem: { type: 'problem', text: 'a problem' },
  listening: { type: 'listening', pool: 'www', address: '/run/www.sock' },
  socketLost: { type: 'socketLost', pool: 'www', reason: 'it was removed' },
  socketBack: { type: 'socketBack', pool: 'www' },
  poolRunning: { type: 'poolRunning', pool: 'www', workers: 17 },
  addressLost: { type: 'addressLost', pool: 'www', message: 'in use', isServing: true },
  poolFailed: { type: 'poolFailed', pool: 'www', reason: 'crashed' },
  poolStopped: { type: 'poolStopped', pool: 'www' },
  spawned: { type: 'spawned', ...of, generation: 9 },
  spawnFailed: { type: 'spawnFailed', pool: 'www', message: 'EAGAIN' },
  workerReady: { type: 'workerReady', ...of, afterMs: 33 },
  startTimedOut: { type: 'startTimedOut', ...of, timeoutMs: 5000 },
  outOfTime: { type: 'outOfTime', ...of, timeoutMs: 5000 },
  cut: { type: 'cut', ...of, timeoutMs: 5000 },
  exited: {
    type: 'exited',
    ...of,
    exit: { code: 3, signal: null },
    uptimeMs: 5000,
    reason: 'ended',
    memory: null,
    inStorm: false,
  },
  crashStorm: { type: 'crashStorm', pool: 'www', signal: 'SIGSEGV', crashes: 50, withinMs: 5000 },
  crashStormOver: { type: 'crashStormOver', pool: 'www', crashes: 50, forMs: 5000 },
  backingOff: { type: 'backingOff', pool: 'www', attempts: 3, delayMs: 400 },
  maxChildrenReached: { type: 'maxChildrenReached', pool: 'www', maxChildren: 5, needed: 9, spare: 2 },
  queueFull: { type: 'queueFull', pool: 'www', waiting: 512, limit: 511 },
  memoryShort: { type: 'memoryShort', pool: 'www', reason: '1M is free' },
  paused: { type: 'paused', pool: 'www', size: 3 },
  resumed: { type: 'resumed', pool: 'www' },
  scaled: { type: 'scaled', pool: 'www', size: 7 },
  slowRequest: { type: 'slowRequest', timeoutMs: 5000, stack: ['ep_poll'], ...request },
  requestTimedOut: { type: 'requestTimedOut', timeoutMs: 5000, ends: 'killed', ...request },
  recycling: { type: 'recycling', ...of, reason: 'max_lifetime' },
  rolling: { type: 'rolling', pool: 'www', generation: 9 },
  rolled: { type: 'rolled', pool: 'www', generation: 9 },
  rollCancelled: { type: 'rollCancelled', pool: 'www', reason: 'exit 3' },
};

/** The record that the supervisor writes. */
function recordOf(event: Event): string {
  let written = '';
  const logger = supervisorLogger('trace', {
    write: text => {
      written += text;
    },
  });
  logEvents(logger)(event);
  return written.trimEnd();
}

/** The line without its date. */
function shown(event: Event): string {
  return prettyFormat(false)(recordOf(event)).slice('2026-12-01 04:05:06.789 '.length);
}

function another(value: unknown): unknown {
  if (typeof value === 'boolean') return !value;
  if (typeof value === 'number') return value + 2000;
  if (value === null) return 'other';
  if (Array.isArray(value)) return ['other'];
  if (typeof value === 'object') return { code: null, signal: 'SIGBUS' };
  return 'other';
}

for (const event of Object.values(SAMPLES)) {
  void test(`${event.type}: one line that contains each field, and none twice`, () => {
    const line = shown(event);
    const { type: _, ...fields } = event;
    assert.match(line, /^(DEBUG|INFO |WARN |ERROR) [^\n]+\n$/);
    for (const [name, value] of Object.entries(fields)) {
      assert.doesNotMatch(line, new RegExp(`\\b${name}"?[=:]`), `${name} is shown beside the text`);
      const changed = { ...event, [name]: another(value) } as Event;
      assert.notEqual(shown(changed), line, `${name} is hidden`);
    }
    if ('pool' in fields) assert.doesNotMatch(line, /pool www: /, 'the pool has its column');
  });
}

void test('every level and text of an exit: the reason, the storm and the memory', () => {
  const exit = SAMPLES.exited;
  const storm = { ...exit, inStorm: true };
  assert.match(shown({ ...exit, reason: 'startTimeout' }), /^WARN .* \(startTimeout\)$/m);
  assert.match(shown(storm), /^INFO .*; counted with the other crashes$/m);
  assert.notEqual(shown({ ...SAMPLES.maxChildrenReached, needed: 4 }), shown(SAMPLES.maxChildrenReached));
});

void test('JSON has the ISO time beside the number and the name of the level', () => {
  const record = JSON.parse(recordOf(SAMPLES.backingOff)) as Record<string, unknown>;
  assert.deepEqual([record.level, record.severity], [40, 'warn']);
  assert.equal(typeof record.time, 'number');
  assert.equal(record.timestamp, new Date(record.time as number).toISOString());
});
