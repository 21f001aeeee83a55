/** The pools of storms: five kinds of program, each with a request of 20 ms. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { compileFixture } from './compile.ts';
import { type Daemon, type DaemonOptions, startDaemon } from './daemon.ts';
import { placeFixture } from './fixtures.ts';
import { type Journal, openJournal } from './journal.ts';
import type { Program } from './needs.ts';
import { MAIN } from './paths.ts';
import { openInner, type Place } from './place.ts';
import { type PoolKeys, poolText } from './pools.ts';
import { freePort } from './ports.ts';
import { openSite, type Site, type StormAddress } from './storm.ts';

/** `given`: a Unix socket that a service manager holds, which also starts the daemon again when it has ended. */
export type Transport = 'unix' | 'tcp' | 'given';

export interface StormProgram {
  readonly name: string;
  readonly needs: readonly Program[];
  /** How its pool differs from the others. */
  readonly keys: PoolKeys & { readonly 'pm.max_children': number };
  readonly command: (journalDir: string, delayMs: number) => Promise<readonly string[]>;
}

function ofC(name: string, options: readonly string[], keys: StormProgram['keys']): StormProgram {
  return {
    name,
    needs: ['nginx', 'gcc'],
    keys,
    command: async (journalDir, delayMs) => [
      await compileFixture('storm', ['-pthread']),
      `--journal=${journalDir}`,
      `--delay-ms=${delayMs}`,
      ...options,
    ],
  };
}

/** php-cgi finishes the request in hand when it is told to stop; of the others, none does. */
export const PROGRAMS = {
  php: {
    name: 'php-cgi',
    needs: ['nginx', 'php-cgi'],
    keys: { 'pm.max_children': 4 },
    command: async () => ['/usr/bin/php-cgi'],
  },
  plain: ofC('C without a signal handler', [], { 'pm.max_children': 4 }),
  stubborn: ofC('C that ignores SIGTERM', ['--signals=ignore'], { 'pm.max_children': 4 }),
  threads: ofC('C with four threads', ['--loop=threads'], {
    'pm.max_children': 2,
    'pm.worker_concurrency': 4,
  }),
  async: ofC('C with epoll', ['--loop=epoll'], {
    'pm.max_children': 2,
    'pm.worker_concurrency': 64,
    'listen.nonblock': true,
  }),
} satisfies Record<string, StormProgram>;

export const STORM_POOL = 'storm';
const REQUEST_MS = 20;

export interface Field {
  readonly daemon: Daemon;
  readonly site: Site;
}

export interface FieldOptions {
  readonly program: StormProgram;
  readonly transport: Transport;
  /** What the pool has beside or instead of the program's. */
  readonly keys?: PoolKeys;
  /** Called with the directory of the daemon before anything is in it. */
  readonly prepare?: (inner: Place) => void;
  /** Pools beside it, for which no load is meant: name -> text. */
  readonly others?: Readonly<Record<string, string>>;
  readonly daemon?: Partial<Omit<DaemonOptions, 'pools'>>;
}

/** A daemon with one pool of the program, and a web server in front of it. */
export async function openField(place: Place, options: FieldOptions): Promise<Field> {
  const { program, transport, keys, prepare, others, daemon } = options;
  const journal = openJournal(place);
  const inner = openInner(place, 'daemon');
  prepare?.(inner);
  const address = await addressFor(place, inner, transport);
  const pools = { [STORM_POOL]: await stormPool(program, address.fpmTs, journal, keys), ...others };
  const held = transport === 'given' ? holdSocket(place, address) : {};
  const started = await startDaemon(inner, { ownSession: true, ...held, ...daemon, pools });
  if (transport === 'given') inner.defer(() => writeFileSync(endOf(place), ''));
  return { daemon: started, site: await openSite(place, address, journal) };
}

async function addressFor(outer: Place, inner: Place, transport: Transport): Promise<StormAddress> {
  if (transport === 'tcp') {
    const address = `127.0.0.1:${await freePort()}`;
    return { nginx: address, fpmTs: address };
  }
  if (transport === 'given') return { nginx: `unix:${outer.dir}/given.sock`, fpmTs: `systemd:${STORM_POOL}` };
  const path = join(inner.dir, 'run', `${STORM_POOL}.sock`);
  return { nginx: `unix:${path}`, fpmTs: path };
}

/** Who is in the subshell is who is executed: LISTEN_PID must name it (sd_listen_fds(3)). */
const AGAIN = `until [ -e "$0" ]; do
  (LISTEN_PID=$(exec sh -c 'echo $PPID'); export LISTEN_PID; exec "$@") || exit
done`;

/** The file that ends the loop. */
const endOf = (place: Place): string => join(place.dir, 'no-more');

function holdSocket(place: Place, { nginx }: StormAddress): Partial<DaemonOptions> {
  const listener = `${STORM_POOL}=${nginx.slice('unix:'.length)}`;
  const launcher = ['/usr/bin/perl', placeFixture(place, 'perl/listen-and-exec.pl'), listener, '--'];
  return { program: [...launcher, '/bin/sh', '-c', AGAIN, endOf(place), process.execPath, MAIN] };
}

/** The text of a pool whose workers keep that journal. */
export async function stormPool(
  program: StormProgram,
  address: string,
  journal: Journal,
  keys: PoolKeys = {},
): Promise<string> {
  const command = await program.command(journal.dir, REQUEST_MS);
  return poolText({ command, 'listen.address': address, ...program.keys, ...keys });
}
