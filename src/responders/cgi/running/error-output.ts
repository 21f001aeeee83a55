/** What a script writes to stderr: to the web server's error log as it comes, and to ours line by line. */
import { closeSync } from 'node:fs';
import { readSome } from '../../../os/pipe.ts';
import type { Poller } from '../../../os/poller.ts';
import type { Report } from '../report.ts';
import { LineCutter } from './lines.ts';

const MAX_LINE_BYTES = 4 * 1024;
/** Of the last line, where it is told why there is no answer. */
const REMEMBERED_CHARACTERS = 200;
/** A pipe holds 64 KiB; who writes on and on is not waited for. */
const MOST_READS = 8;

const chunk: Buffer = Buffer.allocUnsafeSlow(16 * 1024);

export interface ErrorOutputOptions {
  readonly poller: Poller;
  readonly report: Report;
  /** As the log names it. */
  readonly script: string;
  readonly pid: number;
  /** Our end of the pipe, closed when there is no writer any more. */
  readonly pipe: number;
  /** Where it goes beside the log. */
  readonly forward: (bytes: Buffer) => void;
}

export class ErrorOutput {
  readonly #options: ErrorOutputOptions;
  #lines: LineCutter | null = null;
  #isOpen = true;
  /** What it said last; empty when it said nothing. */
  lastLine = '';

  constructor(options: ErrorOutputOptions) {
    this.#options = options;
    options.poller.add(options.pipe, () => this.#read());
  }

  /**
   * Reads what is there: the script has ended. What it leaves running may have more to say, which is still written to
   * the log.
   */
  drain(): void {
    for (let reads = 0; this.#isOpen && reads < MOST_READS; reads++) if (!this.#read()) return;
  }

  /** @returns whether there was something */
  #read(): boolean {
    const { pipe, forward } = this.#options;
    const count = readSome(pipe, chunk);
    if (count > 0) {
      const bytes = chunk.subarray(0, count);
      forward(bytes);
      this.#lines ??= new LineCutter(MAX_LINE_BYTES, (line, isCut) => this.#line(line, isCut));
      this.#lines.push(bytes);
    } else if (count === 0) {
      this.#close();
    }
    return count > 0;
  }

  #line(line: Buffer, isCut: boolean): void {
    const { report, script, pid } = this.#options;
    this.lastLine = line.toString('utf8', 0, REMEMBERED_CHARACTERS);
    report.scriptLine(script, pid, line, isCut);
  }

  #close(): void {
    this.#isOpen = false;
    this.#lines?.end();
    this.#options.poller.remove(this.#options.pipe);
    closeSync(this.#options.pipe);
  }
}
