/** Who runs the scripts: a pool of `fpm-ts cgi`, and fcgiwrap. */
import { join } from 'node:path';
import { startDaemon } from '../lib/daemon.ts';
import { MAIN } from '../lib/paths.ts';
import { openInner, type Place } from '../lib/place.ts';
import { descendants } from '../lib/processes.ts';
import { poolOf } from '../lib/status.ts';
import { WORKER_USER } from './account.ts';
import { startFcgiwrap } from './peers.ts';

export interface CgiHost {
  readonly name: string;
  readonly socket: string;
  /** The processes that run scripts. */
  readonly hosts: readonly number[];
  /** Who watches over them and has no part in a request. */
  readonly overseers: readonly number[];
  /** Throws when it is not what was started any more. */
  assertSame(): Promise<void>;
}

export async function fpmTsHost(outer: Place, scripts: string): Promise<CgiHost> {
  const place = openInner(outer, 'fpm-ts');
  const pool = [
    `command = ["${process.execPath}", "${MAIN}", "cgi", "--root", "${scripts}"]`,
    `user = "${WORKER_USER}"`,
    `listen.address = "${place.dir}/run/$pool.sock"`,
    'pm.mode = "static"',
    'pm.max_children = 1',
    'pm.worker_concurrency = 64',
  ].join('\n');
  const daemon = await startDaemon(place, { pools: { cgi: pool }, ownSession: true });
  const worker = async (): Promise<number> => {
    const [first] = poolOf(await daemon.status(), 'cgi').processes;
    if (first === undefined) throw new Error('the pool has no worker');
    return first.pid;
  };
  const { pid, supervisor_pid } = await daemon.status();
  const host = await worker();
  return {
    name: 'fpm-ts cgi',
    socket: join(daemon.runDir, 'cgi.sock'),
    hosts: [host],
    overseers: [pid, supervisor_pid],
    async assertSame() {
      if ((await worker()) !== host) throw new Error(`the host ${host} was replaced`);
    },
  };
}

export async function fcgiwrapHost(place: Place, processes: number): Promise<CgiHost> {
  const peer = await startFcgiwrap(place, processes);
  return {
    name: `fcgiwrap -c ${processes}`,
    socket: peer.socket,
    hosts: [peer.pid, ...descendants(peer.pid).map(child => child.pid)],
    overseers: [],
    async assertSame() {
      peer.assertRunning();
    },
  };
}
