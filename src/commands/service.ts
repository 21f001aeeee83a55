/** What commands ask of the supervisor. Its daemon is the one that there is. */

import type { Status } from '../observe/status.ts';
import type { Pool } from '../pool/pool.ts';
import type { Asking } from './command.ts';
import type { Explanation } from './explain.ts';
import type { ReloadArgs, ReloadResult } from './reload.ts';
import type { ScaleArgs, ScaleResult } from './scale.ts';
import type { LeftBehind, StopResult } from './stop.ts';
import type { TakeoverArgs, TakeoverResult } from './takeover.ts';
import type { UpgradeAccepted } from './upgrade.ts';

export interface StatusWish {
  /** Only these; undefined: all, by name. */
  readonly pools: readonly string[] | undefined;
  /** Memory and CPU time of a worker cost a read of /proc each. */
  readonly withProcesses: boolean;
}

export interface Service {
  readonly keeperPid: number;
  /** @throws {FpmError} NO_SUCH_POOL */
  pool(name: string): Pool;
  status(wish: StatusWish, asking: Asking): Status;
  explain(pool: Pool): Explanation;
  reload(args: ReloadArgs, asking: Asking): Promise<ReloadResult>;
  /** Starts a stopped pool, from the files where they kept it from starting. */
  start(pool: Pool): Promise<void>;
  /** Begins to stop everything. */
  stopAll(now: boolean): StopResult;
  /** Processes that have the listener of these pools and are no workers: a stop does not reach them. */
  leftBehind(pools: readonly Pool[]): readonly LeftBehind[];
  scale(pool: Pool, args: ScaleArgs): Promise<ScaleResult>;
  takeOver(args: TakeoverArgs): Promise<TakeoverResult>;
  upgrade(isDryRun: boolean): Promise<UpgradeAccepted>;
  /** @returns warnings about logs that were not opened */
  reopenLogs(): Promise<readonly string[]>;
}
