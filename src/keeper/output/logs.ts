/** Where the keeper's log goes: to stderr at first, then where the configuration says, which a reload may change. */
import { join } from 'node:path';
import type { Passed } from '../handover/inheritance.ts';
import type { Answer, LogSettings } from '../protocol.ts';
import { LogSinks } from './log-sinks.ts';

export const LEVEL = { info: 30, warn: 40, error: 50 } as const;

const AT_FIRST: LogSettings = { file: 'stderr', format: 'auto' };

type PassedLogs = Pick<Passed, 'isInBackground' | 'ownLog' | 'logSettings' | 'unwritten'>;

export class Logs {
  readonly isInBackground: boolean;
  #sinks: LogSinks;
  #settings: LogSettings | null;
  #insteadOfStderr: string | null;

  /** @param passed those of the program that this process was before an upgrade; null: this is a start */
  constructor(isInBackground: boolean, passed: PassedLogs | null) {
    this.isInBackground = passed?.isInBackground ?? isInBackground;
    this.#settings = passed?.logSettings ?? null;
    this.#insteadOfStderr = passed?.ownLog ?? null;
    try {
      this.#sinks = LogSinks.open(this.#settings ?? AT_FIRST);
    } catch (error) {
      this.#sinks = LogSinks.open(AT_FIRST);
      this.say(
        'error',
        `${this.#settings?.file} cannot be opened, the log comes here instead: ${String(error)}`,
      );
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
    const { main, pools: failures } = this.#sinks.reopen();
    const rootsOwn = failures.filter(({ isTenants }) => !isTenants).map(({ message }) => message);
    return { failed: main === null ? rootsOwn : [main, ...rootsOwn], failures };
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
