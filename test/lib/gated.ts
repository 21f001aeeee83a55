/**
 * Pools of `storm.c` whose workers answer nothing before a gate is open: whatever is to be seen while requests are in
 * hand has all the time it needs.
 */
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ConnectAddress } from '../../src/client/pool-target.ts';
import { askPool, unixSocket } from './ask-pool.ts';
import { compileFixture } from './compile.ts';
import { type Daemon, type DaemonOptions, startDaemon } from './daemon.ts';
import { openJournal } from './journal.ts';
import { openInner, type Place } from './place.ts';
import { until } from './poll.ts';
import { type PoolKeys, poolText } from './pools.ts';
import { type PoolStatus, poolOf, type Status } from './status.ts';

export interface GatedPool {
  readonly keys: PoolKeys;
  /** Options of `storm.c`. */
  readonly flags?: readonly string[];
}

export interface Gated {
  readonly daemon: Daemon;
  /** The text of a pool, for a file that a test writes. */
  pool(name: string, pool: GatedPool): string;
  /** Where it listens when its keys do not say otherwise. */
  address(name: string): ConnectAddress;
  /** From now on its workers answer. */
  open(name: string): void;
  close(name: string): void;
  /**
   * Sends so many requests at once, each over a connection of its own.
   * @returns what became of each, when all have ended: the pid that answered, or what went wrong
   */
  ask(address: ConnectAddress, count: number): Promise<readonly (number | string)[]>;
  /** Waits until workers have so many requests in hand, those of all pools together. */
  untilInHand(count: number): Promise<void>;
  /** Waits until `seen` holds for the pool. */
  readonly poolWhen: (name: string, what: string, seen: (pool: PoolStatus) => boolean) => Promise<PoolStatus>;
}

/** At its end every gate is opened first: nobody may wait there when the daemon is stopped. */
export async function startGated(
  place: Place,
  pools: Readonly<Record<string, GatedPool>>,
  options: Partial<Omit<DaemonOptions, 'pools'>> = {},
): Promise<Gated> {
  const journal = openJournal(place);
  const inner = openInner(place, 'daemon');
  const program = await compileFixture('storm', ['-pthread']);
  const gateOf = (name: string): string => join(place.dir, `${name}.gate`);
  const pathOf = (name: string): string => join(inner.dir, 'run', `${name}.sock`);
  const text = (name: string, { keys, flags = [] }: GatedPool): string =>
    poolText({
      command: [program, `--journal=${journal.dir}`, `--gate=${gateOf(name)}`, ...flags],
      'listen.address': pathOf(name),
      ...keys,
    });
  const texts = Object.entries(pools).map(([name, pool]) => [name, text(name, pool)] as const);
  const daemon = await startDaemon(inner, { ...options, pools: Object.fromEntries(texts) });
  const open = (name: string): void => writeFileSync(gateOf(name), '');
  inner.defer(() => {
    for (const name of Object.keys(pools)) open(name);
  });
  let asked = 0;
  const inHand = (): number => {
    const { begun, ended } = journal.read();
    return begun.size - ended.size;
  };
  return {
    daemon,
    pool: text,
    address: name => unixSocket(pathOf(name)),
    open,
    close: name => rmSync(gateOf(name)),
    ask: (address, count) =>
      Promise.all(
        Array.from({ length: count }, async () => {
          const n = ++asked;
          const body = await askPool(address, { query: `n=${n}`, timeoutMs: 60_000 }).catch(String);
          return body.endsWith(` ${n}\n`) ? Number.parseInt(body, 10) : body;
        }),
      ),
    untilInHand: async count =>
      void (await until(() => inHand() === count, {
        what: `${count} requests in hand`,
        deadlineMs: 20_000,
        explain: () => `in hand: ${inHand()}`,
      })),
    async poolWhen(name, what, seen) {
      const isSeen = (status: Status): boolean => seen(poolOf(status, name));
      return poolOf(await daemon.statusWhen(`pool ${name}: ${what}`, isSeen), name);
    },
  };
}

/** Of a dynamic pool that nobody asks for anything. */
export const DYNAMIC: PoolKeys = {
  'pm.mode': 'dynamic',
  'pm.start_servers': 3,
  'pm.min_spare_servers': 2,
  'pm.max_spare_servers': 4,
  'pm.max_children': 12,
};
