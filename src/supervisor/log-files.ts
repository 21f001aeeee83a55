/**
 * Logs of pools that cannot be opened, as the keeper tells of them. A log in a place where another user than root may
 * write concerns its pools alone: what that user puts there must not make the rotation of all others fail.
 */
import { resolve } from 'node:path';
import type { PoolConfig } from '../config/types.ts';
import { FpmError } from '../errors.ts';
import type { Keeper } from '../keeper/client.ts';
import type { LogFailure } from '../keeper/protocol.ts';

export class LogFiles {
  readonly #keeper: Keeper;
  /** By file. */
  #failures: Map<string, LogFailure> = new Map();

  constructor(keeper: Keeper) {
    this.#keeper = keeper;
  }

  /** All that there are. */
  restore(failures: readonly LogFailure[]): void {
    this.#failures = new Map(failures.map(failure => [failure.file, failure]));
  }

  /** @param failure null: the file is open again, or not needed */
  tell(file: string, failure: LogFailure | null): void {
    if (failure === null) this.#failures.delete(file);
    else this.#failures.set(file, failure);
  }

  /**
   * Opens all logs anew, for logrotate.
   * @returns what concerns single pools alone, a sentence each
   * @throws {FpmError} FAILED: what is root's to mend, when all that can be opened are
   */
  async reopen(pools: readonly PoolConfig[]): Promise<string[]> {
    const { failed, failures = [] } = await this.#keeper.ask('reopenLogs', {});
    this.restore(failures);
    const named = (message: string): string => {
      const failure = failures.find(it => it.message === message);
      const names = pools.filter(({ log }) => failure !== undefined && isFile(log.file, failure.file));
      const what = names.length === 1 ? 'pool' : 'pools';
      return names.length === 0 ? message : `${what} ${names.map(({ name }) => name).join(', ')}: ${message}`;
    };
    const warnings = failures.filter(({ isTenants }) => isTenants).map(({ message }) => named(message));
    if (failed.length > 0) throw new FpmError('FAILED', [...failed.map(named), ...warnings].join('\n'));
    return warnings;
  }

  /** @returns null: the pool's own log is opened, or it has none */
  failureOf({ log: { file } }: PoolConfig): string | null {
    return file === undefined ? null : (this.#failures.get(resolve(file))?.message ?? null);
  }
}

function isFile(logFile: string | undefined, file: string): boolean {
  return logFile !== undefined && resolve(logFile) === file;
}
