/** Who is a keeper is told by its name, which the kernel keeps of a process that has ended. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { isKeeper, KEEPER_TITLE } from '../../../src/os/keepers.ts';
import { until } from '../../lib/poll.ts';
import { readStat } from '../../lib/processes.ts';

void test('a keeper that has ended and is not reaped runs no more', async () => {
  const script = `sh -c "echo \\$\\$; printf '${KEEPER_TITLE}' > /proc/\\$\\$/comm; read line" <&3 & exec sleep 600`;
  const parent = spawn('sh', ['-c', script], { stdio: ['ignore', 'pipe', 'inherit', 'pipe'] });
  assert.ok(parent.stdout);
  const [chunk] = (await once(parent.stdout, 'data')) as [Buffer];
  const pid = Number(chunk.toString());
  try {
    await until(() => isKeeper(pid), { what: 'its name' });
    parent.stdio[3]?.destroy();
    await until(() => readStat(pid)?.state === 'Z', { what: 'its end' });
    assert.equal(readFileSync(`/proc/${pid}/comm`, 'utf8').trimEnd(), KEEPER_TITLE);
    assert.ok(!isKeeper(pid));
  } finally {
    parent.kill('SIGKILL');
    await once(parent, 'exit');
  }
});
