/** A web server in front of a program that fpm-ts has not started, and fpm-ts beside it, about to take over. */
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Daemon, type DaemonOptions, startDaemon } from './daemon.ts';
import type { Former, FormerProgram } from './former.ts';
import { type Journal, openJournal } from './journal.ts';
import { openInner, type Place } from './place.ts';
import { until } from './poll.ts';
import { type PoolKeys, poolText } from './pools.ts';
import { freePort } from './ports.ts';
import { openSite, type Site } from './storm.ts';

export const POOL = 'www';

export interface Migration {
  readonly daemon: Daemon;
  readonly site: Site;
  readonly journal: Journal;
  readonly former: Former;
  /** A path, or ip:port. */
  readonly address: string;
  /** Writes the file of the pool that is to take over. */
  readonly writePool: (keys?: PoolKeys) => void;
}

export interface MigrationOptions {
  readonly program: FormerProgram;
  readonly transport: 'unix' | 'tcp';
  readonly daemon?: Partial<Omit<DaemonOptions, 'pools'>>;
}

const IDLE_START = /no pools are configured/;

export async function openMigration(place: Place, options: MigrationOptions): Promise<Migration> {
  const { program, transport, daemon: more } = options;
  const journal = openJournal(place);
  const address = await addressFor(place, transport);
  const former = await program.start(place, address);
  const nginx = transport === 'unix' ? `unix:${address}` : address;
  const site = await openSite(place, { nginx, fpmTs: address }, journal, program.script);
  await until(async () => (await fetch(`${site.url}/?n=0`)).status === 200, {
    what: `${program.name} to answer`,
  });
  const daemon = await startDaemon(openInner(place, 'daemon'), {
    ownSession: true,
    ...more,
    pools: {},
    expectedLog: [IDLE_START, ...(more?.expectedLog ?? [])],
  });
  const writePool = (keys: PoolKeys = {}): void =>
    writeFileSync(
      join(daemon.poolsDir, `${POOL}.toml`),
      poolText({ command: program.command, 'listen.address': address, 'pm.max_children': 4, ...keys }),
    );
  writePool();
  return { daemon, site, journal, former, address, writePool };
}

async function addressFor(place: Place, transport: 'unix' | 'tcp'): Promise<string> {
  if (transport === 'tcp') return `127.0.0.1:${await freePort()}`;
  const dir = join(place.dir, 'sockets');
  mkdirSync(dir);
  chmodSync(dir, 0o1777); // some open their sockets as an ordinary user
  return join(dir, 'www.sock');
}
