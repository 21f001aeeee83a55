/** The pools of a fresh start: all of them listen, or none does. */
import type { PoolConfig } from '../config/types.ts';
import { FpmError } from '../errors.ts';
import type { Keeper } from '../keeper/client.ts';
import type { Supervisor } from './supervisor.ts';

/** @throws {FpmError} when a pool cannot listen: nothing runs then */
export async function startPools(
  supervisor: Supervisor,
  keeper: Keeper,
  configs: readonly PoolConfig[],
): Promise<void> {
  const pools = configs.filter(({ enabled }) => enabled).map(config => supervisor.addPool(config));
  for (const pool of pools) pool.announce();
  keeper.post('note', supervisor.settings.note); // from now on the next supervisor continues with these
  for (const pool of pools) pool.start().catch(() => {}); // shown by its state
  const outcomes = await Promise.allSettled(pools.map(pool => pool.untilListening()));
  const failures = outcomes.flatMap(it => (it.status === 'rejected' ? [it.reason as FpmError] : []));
  const [first] = failures;
  if (first === undefined) return;
  await Promise.all(pools.map(pool => pool.stop(true)));
  throw new FpmError(first.code, failures.map(({ message }) => message).join('\n'), first.place);
}
