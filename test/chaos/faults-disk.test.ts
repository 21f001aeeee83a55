/** The disk of run directory and log is full, bytes and inodes, and has room again later. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { closeSync, mkdirSync, openSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import type { Daemon } from '../lib/daemon.ts';
import { FAULT_PROGRAM, isWhole, killSpare, openFaultField, SPARE, underLoad } from '../lib/faults.ts';
import { until } from '../lib/poll.ts';
import { scriptPool } from '../lib/pools.ts';
import { descendants, describe } from '../lib/processes.ts';
import { workerPids } from '../lib/status.ts';
import { STORM_POOL } from '../lib/storm-pools.ts';
import { suite } from '../lib/suite.ts';

const COUNTS = 'i=0; while :; do i=$((i+1)); echo "line $i"; sleep 0.02; done';

/** Takes every byte and every inode. @returns gives them back */
function fill(dir: string): () => void {
  const filler = join(dir, 'filler');
  mkdirSync(filler);
  const until = (step: (n: number) => void): void => {
    try {
      for (let n = 0; ; n++) step(n);
    } catch (error) {
      assert.equal((error as NodeJS.ErrnoException).code, 'ENOSPC');
    }
  };
  const file = openSync(join(filler, 'bytes'), 'w');
  until(() => writeSync(file, Buffer.alloc(4096)));
  closeSync(file);
  until(n => closeSync(openSync(join(filler, String(n)), 'w')));
  return () => rmSync(filler, { recursive: true });
}

/** The numbers that the pool printed, as the log has them. */
function counted(daemon: Daemon): number[] {
  return daemon
    .log()
    .filter(({ pool }) => pool === 'chatty')
    .flatMap(({ msg }) => /^line (\d+)$/.exec(msg ?? '')?.[1] ?? [])
    .map(Number);
}

suite('chaos/faults-disk', { root: true, needs: FAULT_PROGRAM.needs }, async scope => {
  const field = await openFaultField(scope, {
    others: { chatty: scriptPool(COUNTS) },
    prepare: inner => {
      execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=1m,nr_inodes=100,mode=755', 'tmpfs', inner.dir]);
      inner.defer(() => void execFileSync('umount', [inner.dir]));
    },
    daemon: {
      expectedLog: [
        /SIGKILL/,
        /state\.journal cannot be written/,
        /ENOSPC/,
        /supervisor restarted/,
        /controlRestored/,
      ],
    },
  });
  const { daemon } = field;

  await scope.test('requests, workers and a new supervisor need no disk: 0 failed', async () => {
    const complaints = await underLoad(scope, field, async () => {
      const before = await daemon.status();
      const free = fill(daemon.dir);
      try {
        const victim = await killSpare(daemon);
        await daemon.statusWhen(
          'another worker',
          it => isWhole(it) && !workerPids(it, SPARE).includes(victim),
        );
        const reload = await daemon.cli('reload', STORM_POOL);
        assert.equal(reload.code, 1);
        assert.match(reload.stderr, /ENOSPC/);
        process.kill(before.supervisor_pid, 'SIGKILL');
        const isBack = (): boolean =>
          descendants(daemon.pid).some(({ pid }) => describe(pid).startsWith('fpm-ts: supervisor'));
        await until(isBack, { what: 'another supervisor' });
      } finally {
        free();
      }
      const after = await daemon.statusWhen(
        'another supervisor',
        it => it.supervisor_pid !== before.supervisor_pid && isWhole(it),
      );
      assert.deepEqual(workerPids(after, STORM_POOL), workerPids(before, STORM_POOL));
      assert.equal((await daemon.cli('reload', STORM_POOL)).code, 0);
    });
    assert.deepEqual(complaints, []);
  });

  await scope.test(
    'what was printed meanwhile is in the log, every line and once; that state.journal failed, too',
    async () => {
      const last = counted(daemon).at(-1) ?? 0;
      await until(() => (counted(daemon).at(-1) ?? 0) > last, { what: 'more lines' });
      const numbers = counted(daemon);
      assert.deepEqual(
        numbers,
        numbers.map((_, i) => i + 1),
      );
      assert.equal(
        daemon.log().filter(({ msg }) => msg?.includes('state.journal cannot be written')).length,
        1,
      );
    },
  );
});
