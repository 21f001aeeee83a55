/** A terminal that closes while requests are in hand: its SIGHUP means stop, and a stop finishes them. */
import assert from 'node:assert/strict';
import { existsSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { startGated } from '../lib/gated.ts';
import { MAIN } from '../lib/paths.ts';
import { openInner } from '../lib/place.ts';
import { until } from '../lib/poll.ts';
import { descendants, isAlive, readStat } from '../lib/processes.ts';
import { suite } from '../lib/suite.ts';

suite('chaos/faults-terminal', { needs: ['gcc', 'script'] }, async scope => {
  const run = join(scope.dir, 'in-terminal.sh');
  const start = `${process.execPath} ${MAIN} $*; true`;
  writeFileSync(run, `exec script --quiet --return --command "${start}" /dev/null\n`);
  const gated = await startGated(
    openInner(scope, 'field'),
    { www: { keys: { process_control_timeout: '60s' } } },
    { program: ['/bin/sh', run] },
  );
  const { daemon } = gated;

  await scope.test('requests in hand and those that wait are answered, then nothing is left', async () => {
    const address = gated.address('www');
    const path = address.type === 'unix' ? address.path : '';
    const answers = gated.ask(address, 5);
    await gated.untilInHand(2);
    await gated.poolWhen('www', 'three to wait', ({ queue }) => queue.length === 3);
    const { pid } = await daemon.status();
    const all = [readStat(pid), ...descendants(pid)].filter(it => it !== undefined);
    process.kill(daemon.pid, 'SIGKILL'); // script(1), and with it the terminal
    await until(() => !existsSync(path), { what: 'the address to go' });
    assert.match(String((await gated.ask(address, 1))[0]), /ENOENT/);
    gated.open('www');
    assert.deepEqual(
      (await answers).filter(it => typeof it === 'string'),
      [],
    );
    await until(() => !all.some(isAlive), { what: 'every process to end' });
    assert.deepEqual(readdirSync(daemon.runDir), []);
    assert.equal(daemon.log().at(-1)?.event, 'stopped');
  });
});
