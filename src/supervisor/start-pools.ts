/** The pools of a fresh start: each comes up or fails by itself, as long as any of them can run. */
import { describeObstacle, type Obstacles, sortProblems, toFpmError } from '../config/problems.ts';
import type { PoolConfig } from '../config/types.ts';
import { FpmError } from '../errors.ts';
import type { Keeper } from '../keeper/client.ts';
import type { Pool } from '../pool/pool.ts';
import type { Configuration } from './configuration.ts';
import type { Supervisor } from './supervisor.ts';

/** @throws {FpmError} when there are pools and none of them can listen: nothing runs then */
export async function startPools(
  supervisor: Supervisor,
  keeper: Keeper,
  configs: readonly PoolConfig[],
  obstacles: Obstacles,
): Promise<void> {
  const enabled = configs.filter(config => config.enabled);
  if (enabled.length > 0 && enabled.every(({ name }) => obstacles.has(name)))
    throw toFpmError(sortProblems([...obstacles.values()].flat()));
  const pools = enabled.map(config => supervisor.addPool(config));
  const reasons = new Map([...obstacles].map(([name, errors]) => [name, describeObstacle(errors)]));
  for (const pool of pools) pool.announce(reasons.get(pool.name) ?? null);
  keeper.post('note', supervisor.settings.note); // from now on the next supervisor continues with these
  for (const pool of pools) {
    pool.start().catch(() => {}); // shown by its state
    const reason = reasons.get(pool.name);
    if (reason !== undefined) pool.obstruct(reason);
  }
  const outcomes = await Promise.allSettled(pools.map(pool => pool.untilListening()));
  const failures = outcomes.flatMap(it => (it.status === 'rejected' ? [it.reason as FpmError] : []));
  const [first] = failures;
  if (first === undefined || failures.length < pools.length) return;
  await Promise.all(pools.map(pool => pool.stop(true)));
  throw new FpmError(first.code, failures.map(({ message }) => message).join('\n'), first.place);
}

/**
 * Starts a pool of a running supervisor. What kept it from being started may be mended: the files are read again then,
 * as in a reload of that pool.
 * @throws {FpmError} POOL_FAILED; every error of the files
 */
export async function startAnew(
  pool: Pool,
  supervisor: Supervisor,
  configuration: Configuration,
): Promise<void> {
  if (pool.state.obstacle !== null) {
    const { config, obstacles } = await configuration.check(configuration.read(), {
      own: addressesOf(supervisor),
      pools: [pool.name],
    });
    const errors = obstacles.get(pool.name);
    if (errors !== undefined) {
      pool.obstruct(describeObstacle(errors));
      throw new FpmError('POOL_FAILED', `pool ${pool.name}: ${describeObstacle(errors)}`);
    }
    const wanted = config.pools.find(({ name }) => name === pool.name);
    if (wanted !== undefined) await pool.reconfigure(wanted);
  }
  await pool.start();
}

/** What our own pools listen on: it is not taken. */
export function addressesOf({ pools }: Supervisor): string[] {
  return [...pools.values()].flatMap(({ state }) =>
    state.obstacle === null ? [state.config.listen.address.text] : [],
  );
}
