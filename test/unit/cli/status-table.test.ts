/** `status` for people: what is unknown shows as a dash, never as 0; a failed reload and reasons are told. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { statusTable } from '../../../src/cli/status-table.ts';
import type { PoolStatus, Status } from '../../../src/observe/status.ts';

const POOL: PoolStatus = {
  name: 'www',
  state: 'running',
  reason: '',
  paused: false,
  protocol: 'fastcgi',
  dispatch: 'shared',
  pm: { mode: 'static', max_children: 4 },
  listen: { address: '/run/www.sock' },
  queue: { length: null, max: null, limit: null },
  workers: { total: 3, idle: null, active: null, starting: 0, stopping: 0, max_active: null },
  counters: {
    spawned: 3,
    exited: 0,
    crashed: 2,
    reloads: 0,
    max_children_reached: 0,
    slow_requests: 0,
    accepted_connections: null,
  },
  reload: null,
  processes: [
    {
      pid: 77,
      state: null,
      adopted: false,
      uptime_seconds: 3_700,
      rss_bytes: 12_345_678,
      cpu_seconds: null,
      generation: 2,
      connection_seconds: null,
    },
  ],
};

const STATUS: Status = {
  schema: 1,
  version: '1.2.3',
  pid: 5,
  supervisor_pid: 6,
  state: 'running',
  reason: '',
  started_at: '2026-01-01T00:00:00.000Z',
  uptime_seconds: 90_061,
  last_reload: null,
  last_upgrade: null,
  config_changed_on_disk: false,
  needs_restart: [],
  running_settings: {},
  pools: [POOL],
};

function line(text: string, start: string): string[] {
  const found = text.split('\n').find(it => it.startsWith(start)) ?? '';
  return found.trim().split(/ {2,}/);
}

void test('a pool is a line; what cannot be known is a dash', () => {
  const text = statusTable(STATUS, false);
  assert.match(text, /^fpm-ts 1\.2\.3, running, pid 5, up 1d 1h$/m);
  assert.deepEqual(line(text, 'www'), ['www', 'running', '3/4', '-', '-', '-', '2', '/run/www.sock']);
  assert.doesNotMatch(text, /77/);
});

void test('with its workers, each is a line', () => {
  assert.deepEqual(line(statusTable(STATUS, true), '77'), ['77', 'ready', '-', '1h 1m', '-', '12.3', '2']);
});

void test('a failed reload, a changed file and the reason of a pool are told', () => {
  const text = statusTable(
    {
      ...STATUS,
      last_reload: { at: 'then', ok: false, code: 78, message: 'broken' },
      config_changed_on_disk: true,
      pools: [{ ...POOL, state: 'failed', reason: 'worker 7 ended with code 3' }],
    },
    false,
  );
  assert.match(text, /^the last reload \(then\) failed: broken$/m);
  assert.match(text, /^the configuration on disk has changed/m);
  assert.match(text, /^www: worker 7 ended with code 3$/m);
});

void test('no pools, and a reload that worked, are no lines of a table', () => {
  const last_reload = { at: 'then', ok: true, code: 0, message: '' };
  const text = statusTable({ ...STATUS, last_reload, pools: [] }, false);
  assert.match(text, /^no pools$/m);
  assert.doesNotMatch(text, /reload|POOL/);
});

void test('a worker of a keeper that was killed is marked', () => {
  const processes = POOL.processes.map(it => ({ ...it, state: 'idle' as const, adopted: true }));
  const text = statusTable({ ...STATUS, pools: [{ ...POOL, processes }] }, true);
  assert.deepEqual(line(text, '77').slice(0, 2), ['77', 'idle, adopted']);
});
