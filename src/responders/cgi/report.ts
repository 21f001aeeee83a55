/**
 * Lines for the administrator, on our stderr, which is the pool's log. Nobody waits for it: what it does not take at
 * once is kept up to a bound, then dropped, and how much that was is said when it goes on.
 */
import { type LogDestination, openDestination } from '../../os/log-destination.ts';
import { oneLine } from '../../printable.ts';

const KEPT_BYTES = 256 * 1024;
const RETRY_MS = 20;
/** What is said once only is remembered; a client could choose the names. */
const REMEMBERED = 64;

export class Report {
  readonly #destination: LogDestination;
  #waiting: Buffer[] = [];
  #waitingBytes = 0;
  #dropped = 0;
  #retry: NodeJS.Timeout | undefined;
  readonly #said = new Set<string>();

  constructor(destination: LogDestination = openDestination('stderr')) {
    this.#destination = destination;
  }

  /** One line of ours. */
  say(text: string): void {
    this.#write(Buffer.from(`fpm-ts cgi: ${oneLine(text)}\n`));
  }

  sayOnce(text: string): void {
    if (this.#said.has(text) || this.#said.size >= REMEMBERED) return;
    this.#said.add(text);
    this.say(text);
  }

  /** One line that a script wrote to its stderr, bytes as they are. */
  scriptLine(script: string, pid: number, line: Buffer, isCut: boolean): void {
    const end = isCut ? ' (cut: the line is longer)\n' : '\n';
    this.#write(Buffer.concat([Buffer.from(`fpm-ts cgi: ${script}[${pid}]: `), line, Buffer.from(end)]));
  }

  close(): void {
    clearTimeout(this.#retry);
    this.#flush();
    clearTimeout(this.#retry);
    this.#destination.close();
  }

  #write(line: Buffer): void {
    if (this.#waitingBytes + line.length > KEPT_BYTES) {
      this.#dropped++;
      return;
    }
    this.#waiting.push(line);
    this.#waitingBytes += line.length;
    if (this.#retry === undefined) this.#flush();
  }

  #flush(): void {
    this.#retry = undefined;
    try {
      while (this.#waitingBytes > 0) this.#take(this.#destination.write(this.#next()));
    } catch {
      // Slow, full or gone: whichever it is, it is tried again.
      this.#retry = setTimeout(() => this.#flush(), RETRY_MS).unref();
    }
  }

  #next(): Buffer {
    if (this.#waiting.length > 1) this.#waiting = [Buffer.concat(this.#waiting)];
    return this.#waiting[0] ?? Buffer.alloc(0);
  }

  #take(byteCount: number): void {
    const [first = Buffer.alloc(0)] = this.#waiting;
    this.#waiting[0] = first.subarray(byteCount);
    this.#waitingBytes -= byteCount;
    if (this.#waitingBytes > 0) return;
    this.#waiting = [];
    if (this.#dropped === 0) return;
    const text = `fpm-ts cgi: ${this.#dropped} lines dropped: nobody read our stderr fast enough\n`;
    this.#dropped = 0;
    this.#waiting.push(Buffer.from(text));
    this.#waitingBytes = text.length;
  }
}
