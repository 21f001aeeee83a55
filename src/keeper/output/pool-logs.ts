/**
 * The logs that pools have of their own: which are in use, and which of these cannot be opened. Lines of such a one go
 * to the main log, or into the file that was open before. Both are told once, and the supervisor knows them at any time.
 */
import { isOurs } from '../../os/log-file.ts';
import type { LogFailure } from '../protocol.ts';
import type { LogSink } from './log-sink.ts';
import { type LogSinks, pathOf } from './log-sinks.ts';

/** Pause before a file that cannot be opened is tried again: whoever writes would try it with every line. */
const RETRY_MS = 1000;
const INFO = 30;
const ERROR = 50;
const MEND = 'Mend that, then run `fpm-ts reopen-logs` or reload the pool';

interface OwnLog {
  /** Of each pool, how many pipes there are whose lines go there. */
  readonly pools: Map<string, number>;
  failure: LogFailure | null;
  triedAtMs: number;
}

export class PoolLogs {
  readonly #sinks: () => LogSinks;
  readonly #changed: (file: string, failure: LogFailure | null) => void;
  /** By path, those in use. */
  readonly #logs = new Map<string, OwnLog>();

  /** @param changed is called when one cannot be opened, for another reason than before, or can be again (null) */
  constructor(sinks: () => LogSinks, changed: (file: string, failure: LogFailure | null) => void) {
    this.#sinks = sinks;
    this.#changed = changed;
  }

  get failures(): LogFailure[] {
    return [...this.#logs.values()].flatMap(({ failure }) => failure ?? []);
  }

  /** A pipe of that pool is read. A log that is not open is tried now, so that a reload tells what is wrong with it. */
  enter(file: string, pool: string): void {
    const path = pathOf(file);
    const log = this.#logs.get(path) ?? { pools: new Map(), failure: null, triedAtMs: 0 };
    this.#logs.set(path, log);
    log.pools.set(pool, (log.pools.get(pool) ?? 0) + 1);
    if (log.failure !== null || !this.#sinks().has(path)) this.#open(path, log);
  }

  /** A file whose last pipe has ended is closed: after a reload another one may be the pool's. */
  leave(file: string, pool: string): void {
    const path = pathOf(file);
    const log = this.#logs.get(path);
    if (log === undefined) return;
    const left = (log.pools.get(pool) ?? 1) - 1;
    if (left > 0) {
      log.pools.set(pool, left);
      return;
    }
    log.pools.delete(pool);
    if (log.pools.size > 0) return;
    this.#logs.delete(path);
    if (log.failure !== null) this.#changed(path, null);
    // The last lines are on their way to the file.
    setImmediate(() => this.#sinks().prune(used => this.#logs.has(used)));
  }

  /** Where lines for that file go now. */
  sink(file: string): LogSink {
    const path = pathOf(file);
    const sinks = this.#sinks();
    const log = this.#logs.get(path);
    const isPaused = log?.failure != null && performance.now() - log.triedAtMs < RETRY_MS;
    if (!sinks.has(path) && log !== undefined && !isPaused) this.#open(path, log);
    return sinks.has(path) ? sinks.of(path) : sinks.main;
  }

  /** Opens every log anew. @returns why the main log could not be; what concerns pools is in `failures` */
  reopen(): string | null {
    const sinks = this.#sinks();
    const refused = sinks.reopen();
    for (const [path, log] of this.#logs) {
      if (path === sinks.main.file) continue;
      const reason = refused.get(path);
      if (reason !== undefined) this.#failed(path, log, reason);
      else if (sinks.has(path)) this.#opened(path, log);
      else this.#open(path, log);
    }
    return refused.get(sinks.main.file) ?? null;
  }

  #open(path: string, log: OwnLog): void {
    const sinks = this.#sinks();
    log.triedAtMs = performance.now();
    try {
      if (sinks.has(path)) sinks.of(path).reopen();
      else sinks.of(path);
      this.#opened(path, log);
    } catch (error) {
      this.#failed(path, log, error instanceof Error ? error.message : String(error));
    }
  }

  #opened(path: string, log: OwnLog): void {
    if (log.failure === null) return;
    log.failure = null;
    this.#say(INFO, log, `log ${path} is open again`);
    this.#changed(path, null);
  }

  #failed(file: string, log: OwnLog, reason: string): void {
    const isOpen = this.#sinks().has(file);
    const what = `log ${file} could not be ${isOpen ? 'reopened' : 'opened'}: ${reason}`;
    const where = isOpen ? 'on into the file that was open before' : 'to the main log';
    const message = `${what}; its lines go ${where}. ${MEND}`;
    if (message === log.failure?.message) return;
    log.failure = { file, message, isTenants: !isOurs(file) };
    this.#say(ERROR, log, message);
    this.#changed(file, log.failure);
  }

  #say(level: number, { pools }: OwnLog, text: string): void {
    const names = [...pools.keys()].sort();
    const msg = `${names.length === 1 ? 'pool' : 'pools'} ${names.join(', ')}: ${text}`;
    const [pool] = names;
    this.#sinks().main.write({
      level,
      time: Date.now(),
      ...(names.length === 1 && pool !== undefined && { pool }),
      msg,
    });
  }
}
