/** In the foreground of a terminal: SIGHUP from the terminal's end is a stop, SIGHUP from kill(1) a reload. */
import assert from 'node:assert/strict';
import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Daemon, startDaemon } from '../lib/daemon.ts';
import { MAIN } from '../lib/paths.ts';
import { until } from '../lib/poll.ts';
import { helloPools } from '../lib/pools.ts';
import { isAlive, readStat, type Seen } from '../lib/processes.ts';
import { poolOf, workerPids } from '../lib/status.ts';
import { type Scope, suite } from '../lib/suite.ts';

/** Started in a terminal of its own, which ends with the process that is `daemon.pid`. */
async function startInTerminal(scope: Scope, command: string): Promise<Daemon> {
  const hello = await helloPools(scope);
  const run = join(scope.dir, 'in-terminal.sh');
  writeFileSync(run, `exec script --quiet --return --command "${command}" /dev/null\n`);
  return await startDaemon(scope, { program: ['/bin/sh', run], pools: { www: hello('www') } });
}

async function processes(daemon: Daemon): Promise<Seen[]> {
  const status = await daemon.status();
  const pids = [status.pid, status.supervisor_pid, ...workerPids(status, 'www')];
  return pids.flatMap(pid => readStat(pid) ?? []);
}

const START = `${process.execPath} ${MAIN} $*`;

suite('integration/terminal', { needs: ['gcc', 'libfcgi', 'script'] }, async scope => {
  // The shell leads the session, as a person's does.
  const daemon = await startInTerminal(scope, `${START}; true`);

  await scope.test('SIGHUP reloads while the terminal is there', async () => {
    process.kill((await daemon.status()).pid, 'SIGHUP');
    await daemon.statusWhen('the reload', status => poolOf(status, 'www').counters.reloads === 1);
  });

  await scope.test('when the terminal is closed, all is stopped, and not in haste', async () => {
    const all = await processes(daemon);
    process.kill(daemon.pid, 'SIGKILL');
    await until(() => !all.some(isAlive), { what: 'every process to end' });
    assert.deepEqual(readdirSync(daemon.runDir), []);
    const told = daemon.log().map(({ event }) => event);
    assert.equal(told.filter(event => event === 'signalled').length, 2);
    assert.equal(told.at(-1), 'stopped');
  });
});

suite('integration/terminal of its own', { needs: ['gcc', 'libfcgi', 'script'] }, async scope => {
  const daemon = await startInTerminal(scope, `exec ${START}`);

  await scope.test('as the leader of the session it stops as well', async () => {
    const all = await processes(daemon);
    process.kill(daemon.pid, 'SIGKILL');
    await until(() => !all.some(isAlive), { what: 'every process to end' });
    assert.deepEqual(readdirSync(daemon.runDir), []);
  });
});

suite('integration/terminal nohup', { needs: ['gcc', 'libfcgi', 'script'] }, async scope => {
  const daemon = await startInTerminal(scope, `nohup ${START} </dev/null >/dev/null 2>&1`);

  await scope.test('what is to outlive its terminal does, and is reloaded by SIGHUP', async () => {
    const { pid } = await daemon.status();
    process.kill(daemon.pid, 'SIGKILL');
    await daemon.exited;
    const { reloads } = poolOf(await daemon.status(), 'www').counters;
    process.kill(pid, 'SIGHUP');
    await until(async () => poolOf(await daemon.status(), 'www').counters.reloads > reloads, {
      what: 'the reload',
    });
    assert.equal((await daemon.cli('stop')).code, 0);
  });
});
