/** The daemon of a soak with everything around it, and what is seen of it without asking it. */
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { CommandResult } from '../lib/command.ts';
import { type Instance, openInstance } from '../lib/instance.ts';
import { type Journal, openJournal } from '../lib/journal.ts';
import type { Place } from '../lib/place.ts';
import { until } from '../lib/poll.ts';
import { type SoakLoad, startSoakLoad } from './soak-load.ts';
import { OWNER_VARIABLE, type SoakPool, soakPools } from './soak-pools.ts';
import { openSoakSite } from './soak-site.ts';

/** Whatever a command waits for is over by then: ready workers, drained ones, the death of a supervisor. */
const COMMAND_DEADLINE_MS = 30_000;
const START_DEADLINE_MS = 60_000;

export interface Ground {
  readonly instance: Instance;
  readonly pools: readonly SoakPool[];
  readonly journal: Journal;
  readonly load: SoakLoad;
  /** @throws when it does not return */
  cli(...args: string[]): Promise<CommandResult>;
  /** Writes its file; another version than before, if it is to be another configuration. */
  write(pool: SoakPool, text: string): void;
  remove(pool: SoakPool): void;
  hasFile(pool: SoakPool): boolean;
  /** Workers by what their own environment says. */
  workers(): Map<string, number[]>;
  /** Waits until a supervisor that is not `victim` is in charge of the keeper that was started last. */
  untilInCharge(victim: number): Promise<void>;
}

export async function openGround(place: Place): Promise<Ground> {
  const journal = openJournal(place);
  const instance = openInstance(place);
  const pools = await soakPools(instance, journal);
  for (const pool of pools) instance.writePool(pool.name, pool.text(0));
  const fileOf = ({ name }: SoakPool): string => join(instance.poolsDir, `${name}.toml`);

  const untilInCharge = async (victim: number): Promise<void> => {
    const isInCharge = async (): Promise<boolean> => {
      if (instance.hasEnded) throw new Error(`the keeper has ended:\n${instance.tail(10)}`);
      const status = await instance.status(false);
      if (status === null || status.pid !== instance.pid || status.supervisor_pid === null) return false;
      return status.supervisor_pid !== victim && status.state !== 'starting';
    };
    const deadlineMs = START_DEADLINE_MS;
    await until(isInCharge, { what: 'a supervisor in charge', deadlineMs, everyMs: 50 });
  };

  instance.start();
  await untilInCharge(0);
  const url = await openSoakSite(place, pools, journal);
  return {
    instance,
    pools,
    journal,
    load: startSoakLoad(place, url, pools),
    async cli(...args) {
      const result = await instance.cli(args, COMMAND_DEADLINE_MS);
      if (result.signal !== null)
        throw new Error(`\`${args.join(' ')}\` did not return within ${COMMAND_DEADLINE_MS} ms`);
      return result;
    },
    write: (pool, text) => instance.writePool(pool.name, text),
    remove: pool => rmSync(fileOf(pool), { force: true }),
    hasFile: pool => existsSync(fileOf(pool)),
    workers() {
      const found = new Map<string, number[]>();
      for (const pid of instance.workers()) {
        const owner = ownerOf(pid);
        if (owner !== null) found.set(owner, [...(found.get(owner) ?? []), pid]);
      }
      return found;
    },
    untilInCharge,
  };
}

function ownerOf(pid: number): string | null {
  try {
    const variables = readFileSync(`/proc/${pid}/environ`, 'latin1').split('\0');
    return (
      variables.find(it => it.startsWith(`${OWNER_VARIABLE}=`))?.slice(OWNER_VARIABLE.length + 1) ?? null
    );
  } catch {
    return null; // it has ended
  }
}

/** TCP: rows in LISTEN at its port. Unix: whether its socket file is there. */
export function publicListeners({ path, port }: SoakPool): number {
  if (path !== null) return existsSync(path) ? 1 : 0;
  const local = `:${(port ?? 0).toString(16).toUpperCase().padStart(4, '0')}`;
  return readFileSync('/proc/net/tcp', 'latin1')
    .split('\n')
    .map(line => line.trim().split(/\s+/))
    .filter(([, address, , state]) => address?.endsWith(local) === true && state === '0A').length;
}

/** Listening Unix sockets below the directory, whatever name they have by now: flags with __SO_ACCEPTCON. */
export function unixListeners(directory: string): string[] {
  return readFileSync('/proc/net/unix', 'latin1')
    .split('\n')
    .map(line => line.trim().split(/\s+/))
    .filter(([, , , flags, , , , path]) => flags === '00010000' && path?.startsWith(`${directory}/`) === true)
    .map(fields => fields[7] ?? '');
}
