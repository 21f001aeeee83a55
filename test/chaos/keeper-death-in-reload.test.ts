/** The keeper is killed in the middle of reloads, under load: the next start carries on, or goes back; never half. */
import assert from 'node:assert/strict';
import { setTimeout as delay } from 'node:timers/promises';
import type { Daemon } from '../lib/daemon.ts';
import type { Disturbance } from '../lib/disturb.ts';
import { readStat } from '../lib/processes.ts';
import { poolOf } from '../lib/status.ts';
import { storm } from '../lib/storm.ts';
import { openField, PROGRAMS, STORM_POOL } from '../lib/storm-pools.ts';
import { suite } from '../lib/suite.ts';

const TIMES = 4;
const LONGEST_RELOAD_MS = 400;
const EXPECTED = [
  /ended without stopping its workers/,
  /supervisor restarted/,
  /only an earlier keeper was told/,
  /reload failed/,
];

/** Kills the keeper at some moment of a reload, and starts it again: one generation serves then, whole. */
function killDuringReload(daemon: Daemon): Disturbance {
  return async () => {
    const reload = daemon.cli('reload');
    await delay(Math.random() * LONGEST_RELOAD_MS);
    await daemon.crash();
    await reload;
    await daemon.startAgain();
    const seen = await daemon.statusWhen('one whole generation', status => {
      const { processes, state } = poolOf(status, STORM_POOL);
      return state === 'running' && new Set(processes.map(it => it.generation)).size === 1;
    });
    const { processes, pm } = poolOf(seen, STORM_POOL);
    const stopped = processes.filter(({ pid }) => readStat(pid)?.state === 'T');
    return [
      ...(processes.length === pm.max_children ? [] : [`${processes.length} workers are left`]),
      ...stopped.map(({ pid }) => `worker ${pid} is frozen`),
    ];
  };
}

for (const transport of ['unix', 'tcp'] as const) {
  const program = PROGRAMS.plain;
  suite(`chaos/keeper-death-in-reload-${transport}`, { needs: program.needs }, async scope => {
    const { daemon, site } = await openField(scope, {
      program,
      transport,
      daemon: { expectedLog: EXPECTED },
    });
    await scope.test(`${transport}: killed ${TIMES} times in the middle of a reload, 0 failed`, async () => {
      const { complaints } = await storm(scope, site, {
        clients: 16,
        disturb: killDuringReload(daemon),
        isOver: times => times >= TIMES,
      });
      assert.deepEqual(complaints, []);
    });
  });
}
