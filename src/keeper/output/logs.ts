/** Where the keeper's log goes: to stderr at first, then where the configuration says, which a reload may change. */
import { join } from 'node:path';
import type { Passed } from '../handover/inheritance.ts';
import type { Answer, LogFailure, LogSettings } from '../protocol.ts';
import { LogSinks } from './log-sinks.ts';
import { PoolLogs } from './pool-logs.ts';

export const LEVEL = { info: 30, warn: 40, error: 50 } as const;

const AT_FIRST: LogSettings = { file: 'stderr', format: 'auto' };

type PassedLogs = Pick<Passed, 'isInBackground' | 'ownLog' | 'logSettings' | 'unwritten'>;

export class Logs {
  readonly isInBackground: boolean;
  readonly ofPools: PoolLogs;
  #sinks: LogSinks;
  #settings: LogSettings | null;
  #insteadOfStderr: string | null;
  /** The file of the settings could not be opened after an upgrade. */
  #isElsewhere = false;

  /**
   * @param passed those of the program that this process was before an upgrade; null: this is a start
   * @param poolLogChanged as for PoolLogs
   */
  constructor(
    isInBackground: boolean,
    passed: PassedLogs | null,
    poolLogChanged: (file: string, failure: LogFailure | null) => void,
  ) {
    this.ofPools = new PoolLogs(() => this.#sinks, poolLogChanged);
    this.isInBackground = passed?.isInBackground ?? isInBackground;
    this.#settings = passed?.logSettings ?? null;
    this.#insteadOfStderr = passed?.ownLog ?? null;
    try {
      this.#sinks = LogSinks.open(this.#settings ?? AT_FIRST);
    } catch (error) {
      this.#sinks = LogSinks.open(AT_FIRST);
      this.#isElsewhere = true;
      this.say('error', notOpened(this.#settings, error));
    }
    if (passed !== null) this.#sinks.resume(passed.unwritten);
  }

  get sinks(): LogSinks {
    return this.#sinks;
  }

  /** The file that is logged to instead of a stderr that we do not have; null: it goes where the configuration says. */
  get insteadOfStderr(): string | null {
    return this.#insteadOfStderr;
  }

  get passed(): PassedLogs {
    return {
      isInBackground: this.isInBackground,
      ownLog: this.#insteadOfStderr,
      logSettings: this.#settings,
      unwritten: this.#sinks.unwritten(),
    };
  }

  say(level: keyof typeof LEVEL, msg: string): void {
    this.#sinks.main.write({ level: LEVEL[level], time: Date.now(), msg });
  }

  /** Logs as the settings say from now on. @throws the error of open(2) */
  async settle(wanted: LogSettings, runDir: string): Promise<void> {
    const settings = this.#whereStderrIs(wanted, runDir);
    if (JSON.stringify(settings) === JSON.stringify(this.#settings)) return;
    const before = this.#sinks;
    this.#sinks = LogSinks.open(settings);
    this.#settings = settings;
    await before.close();
  }

  reopen(): Answer<'reopenLogs'> {
    const elsewhere = this.#isElsewhere ? this.#goBack() : null;
    const reason = this.ofPools.reopen();
    const { failures } = this.ofPools;
    const failed = failures.filter(({ isTenants }) => !isTenants).map(({ message }) => message);
    if (elsewhere !== null) return { failed: [elsewhere, ...failed], failures };
    if (reason === null) return { failed, failures };
    const { file } = this.#sinks.main;
    const message = `log ${file} could not be reopened: ${reason}; its lines go on into the file that was open before`;
    this.say('error', message);
    return { failed: [message, ...failed], failures };
  }

  /** @returns why the log stays where it is; null: it goes where the settings say */
  #goBack(): string | null {
    const before = this.#sinks;
    try {
      this.#sinks = LogSinks.open(this.#settings ?? AT_FIRST);
    } catch (error) {
      return notOpened(this.#settings, error);
    }
    this.#isElsewhere = false;
    void before.close();
    return null;
  }

  async close(): Promise<void> {
    await this.#sinks.close();
  }

  /** In the background there is no stderr to log to: whoever reads it waits for its end, `ssh` for one. */
  #whereStderrIs(log: LogSettings, runDir: string): LogSettings {
    if (!this.isInBackground || log.file !== 'stderr') return log;
    this.#insteadOfStderr ??= join(runDir, 'fpm-ts.log');
    return { ...log, file: this.#insteadOfStderr };
  }
}

function notOpened(settings: LogSettings | null, error: unknown): string {
  const reason = error instanceof Error ? error.message : String(error);
  return `log ${settings?.file} could not be opened: ${reason}; its lines go to stderr. Mend that, then run \`fpm-ts reopen-logs\``;
}
