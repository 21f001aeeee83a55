/**
 * `fpm-ts upgrade`, as far as it is the supervisor's: the keeper tries the installed program out, the client is told,
 * and then the keeper ends us and becomes that program.
 */
import type { UpgradeAccepted } from '../commands/upgrade.ts';
import { FpmError } from '../errors.ts';
import type { Keeper } from '../keeper/client.ts';
import { LAST_UPGRADE, type LastUpgrade, notUpgraded, parseLastUpgrade } from '../keeper/notes.ts';
import type { Report } from '../observe/events.ts';
import { VERSION } from '../version.ts';

/** How long the answer may take to reach the client, and other commands to be done with. */
const FAREWELL_MS = 1000;

export interface UpgradePorts {
  readonly keeper: Keeper;
  readonly keeperPid: number;
  readonly report: Report;
  readonly isStopping: () => boolean;
  /** Runs it when no reload is under way, and none begins before it is over. */
  readonly inTurn: (work: () => Promise<void>) => Promise<void>;
  /** Takes no more clients, and waits for what they have been promised, but no longer than so. */
  readonly closeControl: (graceMs: number) => Promise<void>;
  readonly openControl: () => Promise<void>;
}

export class Upgrades {
  last: LastUpgrade | null = null;
  readonly #ports: UpgradePorts;
  #current: Promise<UpgradeAccepted> | null = null;

  constructor(ports: UpgradePorts) {
    this.#ports = ports;
  }

  /** @param note what the keeper or an earlier supervisor has said of the last one */
  restore(note: string | undefined): void {
    this.last = note === undefined ? null : parseLastUpgrade(note);
  }

  /**
   * Answers when it is sure that it will happen, and then it happens. Who asks meanwhile has asked for the same.
   * @throws {FpmError} UPGRADE_FAILED
   */
  upgrade(isDryRun: boolean): Promise<UpgradeAccepted> {
    if (isDryRun) return this.#tryOut(true);
    this.#current ??= this.#begin().catch((error: unknown) => {
      this.#current = null;
      throw error;
    });
    return this.#current;
  }

  async #begin(): Promise<UpgradeAccepted> {
    const accepted = await this.#tryOut(false);
    return await new Promise((resolve, reject) => {
      const work = async (): Promise<void> => {
        if (this.#ports.isStopping()) {
          reject(new FpmError('UPGRADE_FAILED', 'fpm-ts is stopping'));
          return;
        }
        resolve(accepted);
        await this.#leave(accepted);
      };
      this.#ports.inTurn(work).catch(reject);
    });
  }

  async #tryOut(isDryRun: boolean): Promise<UpgradeAccepted> {
    const { keeper, keeperPid, isStopping } = this.#ports;
    if (isStopping()) throw new FpmError('UPGRADE_FAILED', 'fpm-ts is stopping');
    try {
      const { version: to } = await keeper.ask('tryUpgrade', {});
      return {
        dry_run: isDryRun,
        pid: keeperPid,
        supervisor_pid: process.pid,
        from: VERSION,
        to,
        previous_at: this.last?.at ?? null,
      };
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      if (!isDryRun) this.#failed(message);
      throw new FpmError('UPGRADE_FAILED', `${message}\nfpm-ts ${VERSION} continues as before`);
    }
  }

  /** Normally we do not live to see the end of this. */
  async #leave({ from, to }: UpgradeAccepted): Promise<void> {
    const { keeper, report, closeControl, openControl } = this.#ports;
    report({ type: 'upgrading', from, to });
    await closeControl(FAREWELL_MS);
    try {
      await keeper.ask('upgrade', {});
    } catch (error) {
      this.#failed(error instanceof Error ? error.message : String(error));
      this.#current = null;
      await openControl();
    }
  }

  #failed(message: string): void {
    const { keeper, report } = this.#ports;
    report({ type: 'upgradeFailed', message });
    this.last = notUpgraded(message);
    keeper.post('note', { name: LAST_UPGRADE, text: JSON.stringify(this.last) });
  }
}
