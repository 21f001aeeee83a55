/** What observing costs: one look at everything, by the number of connections and workers, among sockets of others. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { connectionsOf } from '../../src/observe/families.ts';
import { lookAtSockets, type Watched } from '../../src/observe/sockets.ts';
import { usageOf } from '../../src/observe/usage.ts';
import { descendants } from '../../src/os/proc.ts';
import { compileFixture } from '../lib/compile.ts';
import { openInner, type Place } from '../lib/place.ts';
import { type Benchmark, type Effort, type Report, whole } from './benchmark.ts';

const COUNTS = [1, 100, 1000, 10_000];
const FOREIGN = 10_000;
const FEWEST_LOOKS = 5;

interface Crowd {
  readonly pid: number;
  /** Of its listener. */
  readonly inode: number;
}

/** Runs until the place is closed: `test/fixtures/c/crowd.c`. */
async function startCrowd(place: Place, kind: string, address: string, count: number): Promise<Crowd> {
  const args = [kind, address, String(count)];
  const child = spawn(await compileFixture('crowd', []), args, {
    stdio: ['pipe', 'pipe', 'inherit'],
    detached: true,
  });
  const exited = once(child, 'exit');
  place.defer(async () => {
    child.stdin.end();
    await exited;
  });
  const said = (await Promise.race([once(child.stdout, 'data'), exited])) as [Buffer | number | null];
  if (!Buffer.isBuffer(said[0])) throw new Error(`crowd ${args.join(' ')} has ended`);
  return { pid: child.pid ?? 0, inode: Number(said[0].toString()) };
}

/** CPU time of one look in microseconds: on a machine that has other work, the wall time tells more about that. */
function cost(look: () => void, effort: Effort): number {
  look(); // compiles it
  const before = process.cpuUsage();
  const endMs = performance.now() + effort.loadSeconds * 250;
  let looks = 0;
  while (performance.now() < endMs || looks < FEWEST_LOOKS) {
    look();
    looks++;
  }
  const { user, system } = process.cpuUsage(before);
  return (user + system) / looks;
}

async function measure(place: Place, count: number, effort: Effort): Promise<string[]> {
  const unix = await startCrowd(place, 'workers', join(place.dir, 'x.sock'), count);
  const tcp = await startCrowd(place, 'tcp', '127.0.0.1', count);
  const watched = ({ inode }: Crowd, withConnections: boolean): Watched[] => [{ inode, withConnections }];
  const accepted = lookAtSockets(watched(unix, true)).get(unix.inode)?.accepted ?? new Set();
  const ofTcp = lookAtSockets(watched(tcp, true)).get(tcp.inode)?.accepted;
  if (accepted.size !== count || ofTcp?.size !== count)
    throw new Error(`${accepted.size} and ${ofTcp?.size} accepted connections are seen, not ${count}`);
  const workers = (descendants(unix.pid) ?? []).slice(1); // one of them has the clients
  const looks = [
    () => lookAtSockets(watched(unix, false)),
    () => lookAtSockets(watched(unix, true)),
    () => lookAtSockets(watched(tcp, false)),
    () => lookAtSockets(watched(tcp, true)),
    () => workers.forEach(pid => void connectionsOf(pid, accepted)),
    () => usageOf(workers[0] ?? 0),
  ];
  return [whole(count), ...looks.map(look => whole(cost(look, effort)))];
}

async function run(place: Place, effort: Effort): Promise<readonly Report[]> {
  await startCrowd(place, 'foreign', '-', FOREIGN);
  const rows: string[][] = [];
  for (const count of COUNTS) {
    const inner = openInner(place, String(count));
    rows.push(await measure(inner, count, effort));
    await inner.close();
  }
  return [
    {
      title: `one look, in µs of CPU, beside ${whole(FOREIGN)} sockets of others`,
      head: [
        'connections, workers',
        'Unix: queue',
        'Unix: queue and connections',
        'TCP: queue',
        'TCP: queue and connections',
        'who holds them: every worker',
        'usage of one worker',
      ],
      rows,
      notes: [
        'The supervisor looks at the queues and connections of all pools ten times a second, at holders only where a pool needs them, and at the usage of its workers one after the other.',
      ],
    },
  ];
}

export const tick: Benchmark = {
  name: 'tick',
  subject: 'looking at connections and workers',
  needs: ['gcc'],
  run,
};
