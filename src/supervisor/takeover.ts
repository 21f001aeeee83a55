/**
 * A pool takes over from another program that listens at its address (`fpm-ts takeover`): workers come up beside that
 * program, and when they are ready, ours is the socket that clients reach. The other program finishes what it has, and
 * is never signalled: its manager is an administrator's to stop. If anything goes wrong, it has everything as before.
 */
import { lstatSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import type { TakeoverArgs, TakeoverResult } from '../commands/takeover.ts';
import { sortProblems, toFpmError } from '../config/problems.ts';
import type { PoolConfig } from '../config/types.ts';
import { FpmError } from '../errors.ts';
import { KeeperError } from '../keeper/client.ts';
import { type ForeignSocket, findForeign, nameOf, PTRACE } from '../observe/foreign.ts';
import { type FormerHolder, formerHolders, howToStop } from '../observe/managers.ts';
import { lookAtSockets } from '../observe/sockets.ts';
import { KEPT_SUFFIX } from '../os/address.ts';
import type { Pool } from '../pool/pool.ts';
import { isClosed, isObstructed, isWanted } from '../pool/pool-state.ts';
import type { Configuration, Loaded } from './configuration.ts';
import { addressesOf } from './start-pools.ts';
import type { Supervisor } from './supervisor.ts';

const LOOK_EVERY_MS = 100;

export interface TakeoverPorts {
  readonly supervisor: Supervisor;
  readonly configuration: Configuration;
  readonly keeperPid: number;
  /** Reads the files when nobody else does, and then works when no reload of the pool is under way. */
  readonly inTurn: <R, T>(read: () => Promise<R>, work: (read: R) => Promise<T>) => Promise<T>;
  /** The pool has the settings of these files from now on. */
  readonly onTaken: (loaded: Loaded) => void;
}

interface WantedPool {
  readonly config: PoolConfig;
  readonly loaded: Loaded;
}

/** @throws {FpmError} the reason; the other program then goes on as before */
export function takeOver(args: TakeoverArgs, ports: TakeoverPorts): Promise<TakeoverResult> {
  return ports.inTurn(
    () => wantedPool(args, ports),
    wanted => take(args, wanted, ports),
  );
}

async function take(
  { pool: name, pid }: TakeoverArgs,
  { config, loaded }: WantedPool,
  ports: TakeoverPorts,
): Promise<TakeoverResult> {
  const { supervisor } = ports;
  if (supervisor.isStopping) throw stopping();
  mustNotRun(name, supervisor); // a reload that had its turn before may have brought it up
  const foreign = findForeign(pid, config.listen.address, config.listen.address.text);
  const program = nameOf(foreign.pid);
  supervisor.ports.report({ type: 'takingOver', pool: name, program });
  supervisor.changes++;
  const pool = await begin(config, foreign, program, supervisor).finally(() => {
    supervisor.changes--;
  });
  ports.onTaken(loaded);
  supervisor.ports.report({ type: 'tookOver', pool: name, program });
  const left = await drained(pool, foreign, ports);
  return {
    pool: name,
    address: config.listen.address.text,
    program,
    workers: pool.state.workers.size,
    drained: left.every(({ connections }) => connections === 0),
    left: left.map(({ pid: it, command, connections }) => ({ pid: it, command, connections })),
    advice: howToStop(left, foreign.inode),
    notices: [...loaded.notices.map(({ text }) => text), ...withoutSecondName(config, program)],
  };
}

/** The program that was taken over may remove our path when it is stopped, and the keeper could not put it back. */
function withoutSecondName({ name, listen: { address } }: PoolConfig, program: string): string[] {
  if (
    address.type !== 'unix' ||
    lstatSync(address.path + KEPT_SUFFIX, { throwIfNoEntry: false }) !== undefined
  )
    return [];
  return [
    `if ${program} removes ${address.path} when it is stopped, nobody can connect: run \`fpm-ts reload ${name}\` then. fpm-ts cannot put the path back itself, and its log says why`,
  ];
}

/** @throws {FpmError} for a pool that cannot take over; all errors of the configuration that concern it */
async function wantedPool(
  { pool: name, pid }: TakeoverArgs,
  { supervisor, configuration }: TakeoverPorts,
): Promise<WantedPool> {
  if (supervisor.isStopping) throw stopping();
  const read = configuration.read();
  const config = read.config.pools.find(pool => pool.name === name);
  if (config === undefined) {
    const known = read.config.pools.map(pool => pool.name).join(', ') || 'none';
    throw new FpmError('NO_SUCH_POOL', `there is no pool ${name} in the configuration; there are: ${known}`);
  }
  const { file, listen } = config;
  mustNotRun(name, supervisor);
  if (!config.enabled) throw new FpmError('FAILED', `pool ${name} has enabled = false`, { file });
  if (listen.address.type === 'systemd' || listen.address.type === 'none')
    throw new FpmError(
      'FAILED',
      `pool ${name} listens on ${listen.address.text}, which nobody but the service manager can give it: stop the other program, and start the pool`,
      { file, key: 'listen.address' },
    );
  if (listen.address.type === 'unix' && listen.swap === 'keep')
    throw new FpmError(
      'FAILED',
      `pool ${name} has listen.swap = "keep", and a takeover puts a new socket file in the place of the old one: set it to "rename", at least until pid ${pid} has been taken over`,
      { file, key: 'listen.swap' },
    );
  // Other pools are not concerned: those that wait for a takeover of their own have their addresses taken, too.
  const loaded = await configuration.check(read, {
    own: [...addressesOf(supervisor), listen.address.text],
    pools: [name],
  });
  const errors = loaded.obstacles.get(name);
  if (errors !== undefined) throw toFpmError(sortProblems(errors));
  return { config, loaded };
}

function stopping(): FpmError {
  return new FpmError('FAILED', 'fpm-ts is stopping');
}

/** @throws {FpmError} */
function mustNotRun(name: string, { pools }: Supervisor): void {
  const known = pools.get(name);
  if (known === undefined || !isWanted(known.state) || isObstructed(known.state)) return;
  throw new FpmError(
    'FAILED',
    `pool ${name} runs already, on a socket of its own: \`fpm-ts stop ${name}\` comes first`,
  );
}

async function begin(
  config: PoolConfig,
  foreign: ForeignSocket,
  program: string,
  supervisor: Supervisor,
): Promise<Pool> {
  const known = supervisor.pools.get(config.name);
  if (known !== undefined) await known.until(state => isClosed(state) || isObstructed(state));
  const pool = known ?? supervisor.addPool(config);
  try {
    const result = await pool.takeOver(config, foreign);
    if (result.ok) return pool;
    throw new FpmError(
      'POOL_FAILED',
      `pool ${config.name}: the new workers did not come up, ${program} serves as before: ${result.reason}`,
    );
  } catch (error) {
    if (known === undefined) await supervisor.removePool(pool);
    throw error instanceof KeeperError ? explain(error, config, program) : error;
  }
}

function explain({ code, message }: KeeperError, { name, listen }: PoolConfig, program: string): FpmError {
  if (code === 'EPERM' || code === 'EACCES')
    return new FpmError(
      'NOT_ALLOWED',
      `pool ${name} cannot take ${listen.address.text} from ${program} (${message}): ${PTRACE}; a TCP listener takes CAP_NET_RAW as well, and one of another user CAP_CHOWN`,
    );
  return new FpmError(
    'FAILED',
    `pool ${name} cannot take ${listen.address.text} from ${program}: ${message}`,
  );
}

/** Waits until the other program has nothing in hand, but no longer than a worker of ours may take. */
async function drained(
  pool: Pool,
  { inode }: ForeignSocket,
  { supervisor, keeperPid }: TakeoverPorts,
): Promise<FormerHolder[]> {
  const { clock } = supervisor.ports;
  const untilMs = clock.nowMs() + pool.state.config.processControlTimeoutMs;
  await pool.until(state => state.draining.length === 0 || !isWanted(state));
  for (;;) {
    const ours = new Set([process.pid, keeperPid, ...pool.state.workers.keys()]);
    const accepted = lookAtSockets([{ inode, withConnections: true }]).get(inode)?.accepted ?? new Set();
    const left = formerHolders(inode, accepted, ours);
    if (left.every(({ connections }) => connections === 0) || clock.nowMs() >= untilMs) return left;
    await delay(LOOK_EVERY_MS);
  }
}
