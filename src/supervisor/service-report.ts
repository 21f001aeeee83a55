/** What the keeper hears of us for the service manager: with every change of phase, and every second as a sign of life. */
import type { Keeper } from '../keeper/client.ts';
import type { ServicePhase } from '../keeper/protocol.ts';
import type { LastReload } from '../observe/status.ts';
import { failureOf, hasGivenUp, isFailed, isWanted, type PoolState } from '../pool/pool-state.ts';
import type { Supervisor } from './supervisor.ts';

const EVERY_MS = 1000;

export class ServiceReport {
  readonly #keeper: Keeper;
  readonly #supervisor: () => Supervisor;
  readonly #lastReload: () => LastReload | null;
  #isUp = false;
  #lastMs = Number.NEGATIVE_INFINITY;

  constructor(keeper: Keeper, supervisor: () => Supervisor, lastReload: () => LastReload | null) {
    this.#keeper = keeper;
    this.#lastReload = lastReload;
    this.#supervisor = supervisor;
  }

  /** Every pool is up, or known not to come up. */
  up(): void {
    this.#isUp = true;
    this.tell();
  }

  /** Called in every turn of the loop, which it thereby proves to go round. */
  turned(nowMs: number): void {
    if (nowMs - this.#lastMs < EVERY_MS) return;
    this.#lastMs = nowMs;
    this.tell();
  }

  /** Something has begun or ended. */
  tell(): void {
    const supervisor = this.#supervisor();
    const phase = this.#phaseOf(supervisor);
    this.#keeper.post('service', {
      phase,
      status: statusLine(
        phase,
        [...supervisor.pools.values()].map(({ state }) => newsOf(state)),
        this.#lastReload(),
      ),
    });
  }

  #phaseOf({ isStopping, changes }: Supervisor): ServicePhase {
    if (isStopping) return 'stopping';
    if (changes > 0) return 'reloading';
    return this.#isUp ? 'running' : 'starting';
  }
}

/** What is said of a pool. */
export interface PoolNews {
  readonly name: string;
  readonly workers: number;
  readonly isWanted: boolean;
  readonly isFailed: boolean;
  /** Starting workers has failed again and again. */
  readonly hasGivenUp: boolean;
  readonly hasBeenWhole: boolean;
  readonly lastFailure: string;
}

function newsOf(state: PoolState): PoolNews {
  return {
    name: state.config.name,
    workers: state.workers.size,
    isWanted: isWanted(state),
    isFailed: isFailed(state),
    hasGivenUp: hasGivenUp(state),
    hasBeenWhole: state.hasBeenWhole,
    lastFailure: failureOf(state),
  };
}

/** As in "running; 3 pools, 42 workers; pool www failed: …". Nothing that changes with each request. */
export function statusLine(
  phase: ServicePhase,
  pools: readonly PoolNews[],
  lastReload: LastReload | null,
): string {
  const workers = pools.reduce((count, pool) => count + pool.workers, 0);
  const coming = pools.filter(pool => pool.isWanted && !pool.hasBeenWhole && !pool.hasGivenUp);
  const stopped = pools.filter(pool => !pool.isWanted).map(({ name }) => name);
  const isFailure = phase === 'running' && lastReload?.ok === false;
  return [
    phase,
    `${counted(pools.length, 'pool')}, ${counted(workers, 'worker')}`,
    ...(coming.length > 0 && phase !== 'stopping' ? [`waiting for ${namesOf(coming)}`] : []),
    ...(stopped.length > 0 && phase !== 'stopping' ? [`stopped: ${stopped.join(', ')}`] : []),
    ...pools
      .filter(pool => pool.isFailed)
      .map(({ name, lastFailure }) => `pool ${name} failed: ${lastFailure}`),
    ...(isFailure ? [`the last reload failed: ${lastReload.message}`] : []),
  ].join('; ');
}

function counted(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? '' : 's'}`;
}

function namesOf(pools: readonly PoolNews[]): string {
  return pools.map(({ name }) => name).join(', ');
}
