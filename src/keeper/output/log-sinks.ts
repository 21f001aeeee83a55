/** All logs that are open: the main one, and those of pools with a file of their own. */
import { resolve } from 'node:path';
import { openDestination } from '../../os/log-destination.ts';
import { type LineFormat, plainFormat, prettyFormat } from './log-format.ts';
import { LogSink } from './log-sink.ts';

export interface LogOptions {
  /** `stderr`, or an absolute path. */
  readonly file: string;
  /** `auto` is pretty on a terminal, else JSON. */
  readonly format: 'json' | 'pretty' | 'auto';
}

export class LogSinks {
  readonly main: LogSink;
  /** By path: pools that name the same file share a sink, or their lines would be torn into each other. */
  readonly #sinks = new Map<string, LogSink>();
  readonly #poolFormat: LineFormat;

  private constructor(main: LogSink, poolFormat: LineFormat) {
    this.main = main;
    this.#poolFormat = poolFormat;
    this.#sinks.set(main.file, main);
  }

  /** @throws the error of open(2) for the main log */
  static open(options: LogOptions): LogSinks {
    const file = pathOf(options.file);
    const destination = openDestination(file);
    const isPretty = options.format === 'pretty' || (options.format === 'auto' && destination.isTerminal);
    const format = isPretty ? prettyFormat(destination.isTerminal && !process.env.NO_COLOR) : plainFormat;
    // A pool's file never has colours, whatever the main log is.
    const poolFormat = options.format === 'pretty' ? prettyFormat(false) : plainFormat;
    return new LogSinks(new LogSink(file, format, destination), poolFormat);
  }

  has(path: string): boolean {
    return this.#sinks.has(path);
  }

  /** The sink of a file, opened when it is first asked for. @throws the error of open(2) */
  of(file: string): LogSink {
    const path = pathOf(file);
    const known = this.#sinks.get(path);
    if (known !== undefined) return known;
    const sink = new LogSink(path, this.#poolFormat);
    this.#sinks.set(path, sink);
    return sink;
  }

  /** Closes the files of pools that nobody writes to any more, except where lines still wait. */
  prune(isUsed: (path: string) => boolean): void {
    for (const [path, sink] of this.#sinks) {
      if (sink === this.main || sink.pendingBytes > 0 || isUsed(path)) continue;
      this.#sinks.delete(path);
      void sink.close();
    }
  }

  /** Opens every file that is open anew. @returns by file, why it stays as it is */
  reopen(): Map<string, string> {
    const refused = new Map<string, string>();
    for (const [path, sink] of this.#sinks) {
      try {
        sink.reopen();
      } catch (cause) {
        refused.set(path, cause instanceof Error ? cause.message : String(cause));
      }
    }
    return refused;
  }

  /** Tries to write all that waits. @returns by file, as base64, what could not be written */
  unwritten(): Record<string, string> {
    const rests = [...this.#sinks].map(
      ([file, sink]) => [file, sink.unwritten().toString('base64')] as const,
    );
    return Object.fromEntries(rests.filter(([, rest]) => rest !== ''));
  }

  /** Goes on with what those before could not write. A file that cannot be opened any more is left out. */
  resume(unwritten: Readonly<Record<string, string>>): void {
    for (const [file, rest] of Object.entries(unwritten)) {
      try {
        this.of(file).resume(Buffer.from(rest, 'base64'));
      } catch (error) {
        const msg = `${file} cannot be opened: what was to be written there is lost: ${String(error)}`;
        this.main.write({ level: 50, time: Date.now(), msg });
      }
    }
  }

  /** Closes all of them at once. @returns how many lines were lost */
  async close(graceMs = 1000): Promise<number> {
    const lost = await Promise.all([...this.#sinks.values()].map(sink => sink.close(graceMs)));
    return lost.reduce((sum, lines) => sum + lines, 0);
  }
}

/** One path, however it was written. */
export function pathOf(file: string): string {
  return file === 'stderr' ? file : resolve(file);
}
