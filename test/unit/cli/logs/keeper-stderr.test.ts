/** Which unit a control group names, as journalctl is told. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { unitOf } from '../../../../src/cli/logs/keeper-stderr.ts';

const ROWS: readonly [string, string | null][] = [
  ['0::/system.slice/fpm-ts.service\n', '-u fpm-ts.service'],
  ['0::/system.slice/system-fpm.slice/fpm@a.service\n', '-u fpm@a.service'],
  ['0::/user.slice/user-1000.slice/user@1000.service/app.slice/fpm-ts.service\n', '--user -u fpm-ts.service'],
  ['12:pids:/x\n1:name=systemd:/system.slice/fpm-ts.service\n0::/\n', '-u fpm-ts.service'],
  ['0::/user.slice/user-0.slice/session-3.scope\n', null],
  ['0::/\n', null],
  ['', null],
  ["0::/system.slice/a'; rm -rf $HOME.service\n", null],
];

for (const [cgroups, unit] of ROWS) void test(cgroups, () => assert.equal(unitOf(cgroups), unit));
