/** `fpm-ts scale`: another number of workers until the next reload, within what the machine is known to bear. */
import type { ScaleArgs, ScaleResult } from '../commands/scale.ts';
import { FpmError } from '../errors.ts';
import { freeMemory } from '../observe/free-memory.ts';
import { usageOf } from '../observe/usage.ts';
import type { Pool } from '../pool/pool.ts';
import { readyOf } from '../pool/pool-state.ts';

/** So many of the present workers are measured: a look costs up to a millisecond. */
const MOST_MEASURED = 8;

/** @throws {FpmError} POOL_STOPPED; USAGE above pm.max_children without `force` */
export async function scale(pool: Pool, { workers, force }: ScaleArgs): Promise<ScaleResult> {
  const { maxChildren } = pool.state.config.pm;
  const cost = workers > maxChildren ? await costOf(pool, workers) : null;
  if (workers > maxChildren && force !== true)
    throw new FpmError(
      'USAGE',
      `pool ${pool.name}: ${workers} workers are more than pm.max_children (${maxChildren})${cost === null ? '' : `, and ${cost}`}; \`fpm-ts scale --force ${pool.name} ${workers}\` starts them all the same`,
    );
  await pool.scale(workers);
  return { pool: pool.name, workers, ...(cost !== null && { notice: cost }) };
}

/** What so many workers take of the machine's memory, by what the present ones use; null: none can be measured. */
async function costOf({ state }: Pool, workers: number): Promise<string | null> {
  const measured = readyOf(state, state.generation)
    .slice(0, MOST_MEASURED)
    .flatMap(({ pid }) => usageOf(pid)?.memoryBytes ?? []);
  if (measured.length === 0) return null;
  const each = measured.reduce((sum, bytes) => sum + bytes, 0) / measured.length;
  const more = Math.max(0, workers - state.workers.size);
  const { bytes, where } = await freeMemory();
  const free = Number.isFinite(bytes) ? `; ${megabytes(bytes)} are free in ${where}` : '';
  return `by what the present ones use (${megabytes(each)} each), ${more} more take ${megabytes(each * more)}${free}`;
}

function megabytes(bytes: number): string {
  return `${(bytes / 2 ** 20).toFixed(bytes < 100 * 2 ** 20 ? 1 : 0)} MiB`;
}
