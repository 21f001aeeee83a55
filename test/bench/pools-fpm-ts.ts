/** Many pools of fpm-ts, each with the C program `hello` on a TCP port of its own. */
import { compileFixture } from '../lib/compile.ts';
import { openInstance } from '../lib/instance.ts';
import type { Place } from '../lib/place.ts';
import { freePort } from '../lib/ports.ts';
import { childrenOf } from '../lib/processes.ts';
import type { Status } from '../lib/status.ts';
import { WORKER_USER } from './account.ts';
import { type Contestant, DEADLINE_MS, type Mortal, type Shape, TooLate, untilDone } from './pools-field.ts';

/** A status of hundreds of pools is work for the supervisor, which is measured: hence the looks are few. */
const STATUS_EVERY_MS = 200;

export const fpmTs: Contestant<Mortal> = { name: 'fpm-ts', open };

async function open(place: Place, shape: Shape): Promise<Mortal> {
  const program = await compileFixture('hello');
  const instance = openInstance(place);
  const command = instance.addProgram(program);
  const ports: number[] = [];
  for (let i = 0; i < shape.pools; i++) {
    const port = await freePort();
    ports.push(port);
    instance.writePool(`pool-${String(i).padStart(4, '0')}`, poolText(shape, command, port));
  }
  const total = shape.pools * shape.workers;
  let supervisor = 0;

  const isWhole = (status: Status | null): status is Status =>
    status !== null &&
    status.pools.length === shape.pools &&
    status.pools.every(({ state, workers }) => state === 'running' && workers.total === shape.workers);

  async function untilStatus(what: (status: Status) => boolean): Promise<void> {
    await untilDone(async () => {
      const status = await instance.status(false);
      return status !== null && what(status);
    }, STATUS_EVERY_MS);
  }

  async function run(...args: string[]): Promise<void> {
    const sinceMs = performance.now();
    const { code, stderr } = await instance.cli(args, DEADLINE_MS);
    if (performance.now() - sinceMs >= DEADLINE_MS) throw new TooLate();
    if (code !== 0) throw new Error(`${args.join(' ')}: exit code ${code}: ${stderr.trim().slice(0, 300)}`);
  }

  /** @throws when other workers serve afterwards than before */
  async function withSameWorkers(work: () => Promise<void>): Promise<void> {
    const before = identity(instance.workers());
    await work();
    if (identity(instance.workers()) !== before) throw new Error('the workers are not the same');
  }

  return {
    ports,
    script: null,
    async start() {
      instance.start();
      return await Promise.resolve(instance.pid);
    },
    assertRunning() {
      if (instance.hasEnded) throw new Error(`fpm-ts ended:\n${instance.tail(20)}`);
    },
    async settled() {
      await untilStatus(isWhole);
      supervisor = (await instance.status(false))?.supervisor_pid ?? 0;
    },
    managers: () => [instance.pid, supervisor],
    workers: () => childrenOf(instance.pid).filter(pid => pid !== supervisor),
    reload: () => run('reload'),
    async stop(now) {
      await run('stop', ...(now ? ['--now'] : []));
      await untilDone(() => instance.hasEnded && instance.workers().length === 0);
    },
    killSupervisor: () =>
      withSameWorkers(async () => {
        const victim = supervisor;
        process.kill(victim, 'SIGKILL');
        await untilStatus(status => isWhole(status) && isAnother(status, victim));
        supervisor = (await instance.status(false))?.supervisor_pid ?? 0;
      }),
    killKeeper: () =>
      withSameWorkers(async () => {
        await instance.killKeeper();
        instance.start();
        await untilStatus(status => status.pid === instance.pid && isWhole(status));
        supervisor = (await instance.status(false))?.supervisor_pid ?? 0;
      }),
    upgrade: () =>
      withSameWorkers(async () => {
        const victim = supervisor;
        // It has a deadline of its own, after which the upgrade may still come to its end.
        const commanded = run('upgrade').catch(() => {});
        await untilStatus(status => {
          if (status.last_upgrade?.ok === false) throw new Error(status.last_upgrade.message);
          return status.last_upgrade?.ok === true && isAnother(status, victim);
        });
        await commanded;
        supervisor = (await instance.status(false))?.supervisor_pid ?? 0;
        if (instance.workers().length !== total) throw new Error('workers were lost');
      }),
  };
}

function isAnother({ supervisor_pid }: Status, victim: number): boolean {
  return supervisor_pid !== null && supervisor_pid !== victim;
}

function identity(pids: readonly number[]): string {
  return pids.toSorted((a, b) => a - b).join(' ');
}

function poolText({ workers, mode }: Shape, command: string, port: number): string {
  const spare = ['start_servers = 4', 'min_spare_servers = 2', 'max_spare_servers = 4'].map(it => `pm.${it}`);
  return [
    `command = ["${command}"]`,
    `user = "${WORKER_USER}"`,
    `listen.address = "127.0.0.1:${port}"`,
    `pm.mode = "${mode}"`,
    `pm.max_children = ${workers}`,
    ...(mode === 'dynamic' ? spare : []),
    '',
  ].join('\n');
}
