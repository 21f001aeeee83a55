/** What many idle pools cost: CPU and memory of our two processes, and how long `status` takes over them. */
import { setTimeout as delay } from 'node:timers/promises';
import { runCommand } from '../lib/command.ts';
import { compileFixture } from '../lib/compile.ts';
import { type Daemon, startDaemon } from '../lib/daemon.ts';
import type { Place } from '../lib/place.ts';
import type { Status } from '../lib/status.ts';
import { WORKER_USER } from './account.ts';
import { type Benchmark, type Effort, median, megabytes, type Report, spread, whole } from './benchmark.ts';
import { cpuSeconds, memoryOf } from './usage.ts';

const POOLS = 100;
const WORKERS = 10;
const STATUS_RUNS = 7;
const SETTLED_MS = 15_000;

/** The budgets, in the order of the rows. */
const TARGET = { cpuPercent: 1, keeperBytes: 55e6, supervisorBytes: 90e6, statusMs: 150 };

function pools(dir: string, program: string): Record<string, string> {
  const text = [
    `command = ["${program}"]`,
    `user = "${WORKER_USER}"`,
    `listen.address = "${dir}/run/$pool.sock"`,
    'pm.mode = "static"',
    `pm.max_children = ${WORKERS}`,
  ].join('\n');
  const names = Array.from({ length: POOLS }, (_, i) => `pool-${String(i).padStart(3, '0')}`);
  return Object.fromEntries(names.map(name => [name, text]));
}

async function run(place: Place, effort: Effort): Promise<readonly Report[]> {
  const program = await compileFixture('hello');
  // Asking for the status of a thousand workers again and again would slow what is asked.
  const daemon = await startDaemon(place, {
    pools: pools(place.dir, program),
    ownSession: true,
    ready: () => true,
  });
  await allReady(daemon);
  // After the start, Node compiles and collects for some seconds what the start needed.
  await delay(SETTLED_MS);
  const idle = await measureIdle(await daemon.status(), effort);
  return [idle, await measureStatus(daemon)];
}

/** Looks once a second: a look at a thousand workers is work for the supervisor that starts them. */
async function allReady(daemon: Daemon): Promise<void> {
  const isWhole = (status: Status): boolean =>
    status.pools.length === POOLS && status.pools.every(pool => pool.state === 'running');
  const endMs = performance.now() + 60_000;
  while (!isWhole(await daemon.status())) {
    if (performance.now() > endMs) throw new Error(`${POOLS} pools are not running after a minute`);
    await delay(1000);
  }
}

async function measureIdle({ pid, supervisor_pid }: Status, effort: Effort): Promise<Report> {
  const processes = { keeper: pid, supervisor: supervisor_pid };
  const cpu = (): number[] => Object.values(processes).map(cpuSeconds);
  const before = cpu();
  const sinceMs = performance.now();
  await delay(effort.idleSeconds * 1000);
  const seconds = (performance.now() - sinceMs) / 1000;
  const percent = cpu().map((after, i) => (100 * (after - (before[i] ?? Number.NaN))) / seconds);
  const targets = [TARGET.keeperBytes, TARGET.supervisorBytes];
  const rows = Object.entries(processes).map(([name, each], i) => {
    const { rssBytes, pssBytes } = memoryOf(each);
    const target = targets[i] ?? Number.NaN;
    return [
      name,
      `${(percent[i] ?? Number.NaN).toFixed(2)}%`,
      `${megabytes(rssBytes)} (target <= ${megabytes(target)}: ${verdict(rssBytes <= target)})`,
      megabytes(pssBytes),
    ];
  });
  const together = percent.reduce((sum, value) => sum + value, 0);
  return {
    title: `${POOLS} idle pools of ${WORKERS} workers, watched for ${effort.idleSeconds} s`,
    head: ['', 'CPU, of one core', 'RSS', 'PSS'],
    rows,
    notes: [
      `CPU together ${together.toFixed(2)}% (target <= ${TARGET.cpuPercent}%: ${verdict(together <= TARGET.cpuPercent)})`,
    ],
  };
}

/** Beside a Node that does nothing, which is the floor of any command of ours. */
async function measureStatus(daemon: Daemon): Promise<Report> {
  const commands: Readonly<Record<string, () => Promise<void>>> = {
    'fpm-ts status': async () => succeeded(await daemon.cli('status')),
    'fpm-ts status --json': async () => succeeded(await daemon.cli('status', '--json')),
    'node -e 0': async () => succeeded(await runCommand(process.execPath, ['-e', '0'])),
  };
  const times = new Map(Object.keys(commands).map(name => [name, [] as number[]]));
  for (let run = 0; run <= STATUS_RUNS; run++) {
    for (const [name, command] of Object.entries(commands)) {
      const sinceMs = performance.now();
      await command();
      // The first of each reads its files from the disk.
      if (run > 0) times.get(name)?.push(performance.now() - sinceMs);
    }
  }
  const statusMs = median(times.get('fpm-ts status') ?? []);
  return {
    title: `status over these pools, ${STATUS_RUNS} times in turn`,
    head: ['', 'wall time'],
    rows: [...times].map(([name, values]) => [name, spread(values, value => `${whole(value)} ms`)]),
    notes: [`target for status <= ${TARGET.statusMs} ms: ${verdict(statusMs <= TARGET.statusMs)}`],
  };
}

function succeeded({ code, stderr }: { readonly code: number | null; readonly stderr: string }): void {
  if (code !== 0) throw new Error(`exit code ${code}: ${stderr}`);
}

function verdict(isMet: boolean): string {
  return isMet ? 'met' : 'MISSED';
}

export const idle: Benchmark = {
  name: 'idle',
  subject: `${POOLS} pools of ${WORKERS} workers that have nothing to do`,
  needs: ['gcc', 'libfcgi'],
  run,
};
