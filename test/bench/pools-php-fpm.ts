/** Many pools of php-fpm, each on a TCP port of its own. */
import { placeFixture } from '../lib/fixtures.ts';
import type { Place } from '../lib/place.ts';
import { freePort } from '../lib/ports.ts';
import { childrenOf, readStat } from '../lib/processes.ts';
import { type Peer, startPhpFpm } from './peers.ts';
import { type Contestant, type Field, type Shape, untilDone } from './pools-field.ts';

/** Seconds. Its default, 0, cuts requests in a reload (docs/benchmarks.md, storms). */
const PROCESS_CONTROL_TIMEOUT = 10;

export const phpFpm: Contestant = { name: 'php-fpm', open };

async function open(place: Place, { pools, workers, mode }: Shape): Promise<Field> {
  const script = placeFixture(place, 'php/count.php');
  const ports: number[] = [];
  for (let i = 0; i < pools; i++) ports.push(await freePort());
  const spare = ['start_servers = 4', 'min_spare_servers = 2', 'max_spare_servers = 4'].map(it => `pm.${it}`);
  let peer: Peer | undefined;
  const pid = (): number => peer?.pid ?? 0;
  return {
    ports,
    script,
    async start() {
      peer = await startPhpFpm(place, {
        children: workers,
        addresses: ports.map(port => `127.0.0.1:${port}`),
        pm: [`pm = ${mode}`, ...(mode === 'dynamic' ? spare : [])],
        processControlTimeout: PROCESS_CONTROL_TIMEOUT,
      });
      return peer.pid;
    },
    assertRunning: () => peer?.assertRunning(),
    settled: async () => {},
    managers: () => [pid()],
    workers: () => childrenOf(pid()),
    async reload() {
      process.kill(pid(), 'SIGUSR2'); // it says nothing: the pids of its children tell
    },
    async stop(now) {
      const workersBefore = childrenOf(pid());
      process.kill(pid(), now ? 'SIGTERM' : 'SIGQUIT');
      await untilDone(() => [pid(), ...workersBefore].every(isGone));
    },
  };
}

/** A zombie is gone: it waits for us, or for init. */
function isGone(pid: number): boolean {
  return ['Z', undefined].includes(readStat(pid)?.state);
}
