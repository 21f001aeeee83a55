/**
 * A log and what happens when its destination does not keep up: lines wait in a bounded queue, then whole
 * lines are dropped, and one record afterwards says how many. Neither a worker nor we ever wait for a log.
 *
 * Own code and not sonic-boom, pino's destination: that waits a fixed 100 ms when a pipe is full, which is
 * less than a megabyte a second, does not try again after ENOSPC, and cannot send to a journal's socket
 * without making it non-blocking for all.
 */
import { type LogDestination, openDestination } from '../../os/log-destination.ts';
import { jsonLine, type LineFormat, type LogRecord } from './log-format.ts';
import { LogQueue } from './log-queue.ts';

/** What may wait in one sink; the line that would exceed it is dropped, and those after it until half is free. */
export const PENDING_LIMIT_BYTES: number = 8 * 1024 * 1024;
/** First and longest pause before a destination that is slow is tried again. */
const SLOW_RETRY_MS = 1;
const SLOW_RETRY_MAX_MS = 100;
/** Pause before one that is full or gone is tried again. */
const FAILED_RETRY_MS = 500;
const SLOW: ReadonlySet<string> = new Set(['EAGAIN', 'EINTR', 'ENOBUFS', 'ENOMEM']);
const FULL: ReadonlySet<string> = new Set(['ENOSPC', 'EDQUOT', 'EFBIG']);

/** Written at the latest when so much is new: a burst must not fill the queue of a destination that keeps up. */
const BURST_BYTES = 64 * 1024;

/** A record about dropped lines that is not written yet: it ends at this position of the queue. */
interface DropReport {
  readonly dropped: number;
  readonly endBytes: number;
}

export class LogSink {
  /** `stderr`, or an absolute path. */
  readonly file: string;
  readonly #format: LineFormat;
  readonly #queue = new LogQueue();
  #destination: LogDestination;
  #isScheduled = false;
  /** Where the queue ended when it was last written from. */
  #triedBytes = 0;
  /** Set while the last write failed. */
  #retry: NodeJS.Timeout | undefined;
  #retryMs = SLOW_RETRY_MS;
  /** Why the last write failed; undefined while writes succeed. */
  #failure: string | undefined;
  #dropped = 0;
  #dropReason: string | undefined;
  #report: DropReport | undefined;
  /** The destination's last line is torn, and the rest of it was given up. */
  #leftTorn = false;
  #isClosed = false;
  #onEmpty: (() => void) | undefined;

  constructor(file: string, format: LineFormat, destination: LogDestination = openDestination(file)) {
    this.file = file;
    this.#format = format;
    this.#destination = destination;
  }

  /** Bytes that wait for the destination; never above PENDING_LIMIT_BYTES by more than a record of our own. */
  get pendingBytes(): number {
    return this.#queue.pendingBytes;
  }

  write(record: LogRecord): void {
    this.writeRaw(jsonLine(record));
  }

  /** Writes a record that is a line of JSON already, without its newline. */
  writeRaw(line: string): void {
    if (this.#isClosed) return;
    const text = this.#format(line);
    if (this.#dropped > 0 || this.pendingBytes + Buffer.byteLength(text) > PENDING_LIMIT_BYTES) {
      if (this.#dropped === 0) this.#dropReason = this.#failure;
      this.#dropped++;
      return;
    }
    this.#queue.add(text);
    if (this.#queue.addedBytes - this.#triedBytes >= BURST_BYTES) this.#flush();
    else this.#schedule();
  }

  /** Tries to write all that waits. @returns what could not be written; it may begin in the middle of a line */
  unwritten(): Buffer {
    this.#flush();
    return this.#queue.rest;
  }

  /** Goes on with what another sink of the same file could not write. */
  resume(rest: Buffer): void {
    if (rest.length === 0) return;
    this.#queue.addRest(rest);
    this.#schedule();
  }

  /**
   * Goes on in a new file of the same path (after logrotate). What waits goes there; a line that is half
   * written begins again there, as a whole.
   * @throws the error of open(2); the sink then stays with the file that it has
   */
  reopen(): void {
    if (this.file === 'stderr' || this.#isClosed) return;
    const destination = openDestination(this.file);
    if (destination.identity !== this.#destination.identity) {
      this.#queue.untear();
      this.#leftTorn = false;
    }
    this.#destination.close();
    this.#destination = destination;
    this.#flush();
  }

  /** Takes no more, and waits until all is written or `graceMs` are over. @returns how many lines were lost */
  async close(graceMs = 1000): Promise<number> {
    if (this.#isClosed) return 0;
    this.#isClosed = true;
    this.#flush();
    if (this.#retry !== undefined) {
      await new Promise<void>(resolve => {
        const deadline = setTimeout(resolve, graceMs);
        this.#onEmpty = () => {
          clearTimeout(deadline);
          resolve();
        };
      });
    }
    clearTimeout(this.#retry);
    this.#destination.close();
    return this.#dropped + this.#queue.lineCount;
  }

  /** Writes once for all the lines that this turn of the loop brings. */
  #schedule(): void {
    if (this.#isScheduled || this.#retry !== undefined) return;
    this.#isScheduled = true;
    queueMicrotask(() => {
      this.#isScheduled = false;
      if (!this.#isClosed) this.#flush();
    });
  }

  /** Writes what waits until it is all written or the destination takes no more. */
  #flush(): void {
    clearTimeout(this.#retry);
    this.#retry = undefined;
    this.#triedBytes = this.#queue.addedBytes;
    try {
      while (this.pendingBytes > 0 || this.#dropped > 0) {
        if (this.#dropped > 0 && this.pendingBytes <= PENDING_LIMIT_BYTES / 2) this.#reportDropped();
        this.#written(this.#destination.write(this.#queue.next()));
      }
      this.#onEmpty?.();
    } catch (error) {
      this.#failed(String((error as NodeJS.ErrnoException).code));
    }
  }

  #written(byteCount: number): void {
    this.#queue.take(byteCount);
    this.#failure = undefined;
    this.#retryMs = SLOW_RETRY_MS;
    this.#leftTorn = false;
    if (this.#report && this.#queue.takenBytes >= this.#report.endBytes) this.#report = undefined;
  }

  #failed(code: string): void {
    this.#failure = code;
    if (!SLOW.has(code) && !FULL.has(code)) this.#giveUp(code);
    this.#retry = setTimeout(() => this.#flush(), SLOW.has(code) ? this.#retryMs : FAILED_RETRY_MS);
    this.#retry.unref();
    this.#retryMs = Math.min(this.#retryMs * 2, SLOW_RETRY_MAX_MS);
  }

  /** Nobody is there to read it: what waits is dropped, and the report of that is what is tried from now on. */
  #giveUp(code: string): void {
    this.#leftTorn ||= this.#queue.torn;
    this.#dropped += this.#queue.lineCount + (this.#report ? this.#report.dropped - 1 : 0);
    this.#queue.clear();
    this.#report = undefined;
    this.#dropReason = code;
  }

  #reportDropped(): void {
    if (this.#report !== undefined) return;
    const dropped = this.#dropped;
    const msg = `${dropped} lines dropped: the log's destination was ${describe(this.#dropReason)}`;
    const line = this.#format(jsonLine({ level: 40, time: Date.now(), dropped, msg }));
    this.#queue.add(this.#leftTorn ? `\n${line}` : line);
    this.#report = { dropped, endBytes: this.#queue.addedBytes };
    this.#dropped = 0;
  }
}

/** @param code of the failed write; undefined when there was none, only too much to write */
function describe(code: string | undefined): string {
  if (code === undefined) return 'slow';
  return `${SLOW.has(code) ? 'slow' : FULL.has(code) ? 'full' : 'gone'} (${code})`;
}
