/**
 * Opens the logs anew for logrotate. A log in a place where another user than root may write concerns its pools alone:
 * what that user puts there must not make the rotation of all others fail.
 */
import type { PoolConfig } from '../config/types.ts';
import { FpmError } from '../errors.ts';
import type { Keeper } from '../keeper/client.ts';

export class LogFiles {
  readonly #keeper: Keeper;
  /** By file, why it could not be opened anew the last time. */
  #failures: ReadonlyMap<string, string> = new Map();

  constructor(keeper: Keeper) {
    this.#keeper = keeper;
  }

  /**
   * @returns what concerns single pools alone, a sentence each
   * @throws {FpmError} FAILED: what is root's to mend, when all that can be opened are
   */
  async reopen(): Promise<string[]> {
    const { failed, failures = [] } = await this.#keeper.ask('reopenLogs', {});
    this.#failures = new Map(failures.map(({ file, message }) => [file, message]));
    const warnings = failures.filter(({ isTenants }) => isTenants).map(({ message }) => message);
    if (failed.length > 0) throw new FpmError('FAILED', [...failed, ...warnings].join('\n'));
    return warnings;
  }

  /** @returns null: the pool's own log is opened, or it has none */
  failureOf({ log: { file } }: PoolConfig): string | null {
    return file === undefined ? null : (this.#failures.get(file) ?? null);
  }
}
