/**
 * Lines that wait for a log's destination, as bytes in a few large blocks: what is pending is known to the
 * byte, and a hundred thousand waiting lines are not a hundred thousand objects.
 */
const BLOCK_BYTES = 64 * 1024;
const SPARES_KEPT = 4;
const NEWLINE = 10;

interface Block {
  readonly bytes: Buffer;
  filled: number;
}

/** Blocks to use again, for all queues: under load they would otherwise wait for the garbage collector. */
const spares: Buffer[] = [];

export class LogQueue {
  readonly #blocks: Block[] = [];
  /** How much of the first block is written. */
  #done = 0;
  /** All bytes ever added, and all ever taken: positions that a caller can compare. */
  addedBytes = 0;
  takenBytes = 0;

  get pendingBytes(): number {
    return this.addedBytes - this.takenBytes;
  }

  /** Adds whole lines, the newline included. */
  add(lines: string): void {
    const length = Buffer.byteLength(lines);
    const block = this.#blockFor(length);
    block.filled += block.bytes.write(lines, block.filled);
    this.addedBytes += length;
  }

  /** Adds what another queue had not written. */
  addRest(rest: Buffer): void {
    const block = this.#blockFor(rest.length);
    block.filled += rest.copy(block.bytes, block.filled);
    this.addedBytes += rest.length;
  }

  /** All that waits, as it is. */
  get rest(): Buffer {
    return Buffer.concat(
      this.#blocks.map(({ bytes, filled }, i) => bytes.subarray(i === 0 ? this.#done : 0, filled)),
    );
  }

  #blockFor(length: number): Block {
    const last = this.#blocks.at(-1);
    if (last !== undefined && last.bytes.length - last.filled >= length) return last;
    const spare = length <= BLOCK_BYTES ? spares.pop() : undefined;
    const block = { bytes: spare ?? Buffer.allocUnsafeSlow(Math.max(BLOCK_BYTES, length)), filled: 0 };
    this.#blocks.push(block);
    return block;
  }

  /** What to write next, empty when nothing waits. The bytes stay as they are until they are taken. */
  next(): Buffer {
    const block = this.#blocks[0];
    return block === undefined ? Buffer.alloc(0) : block.bytes.subarray(this.#done, block.filled);
  }

  take(byteCount: number): void {
    this.#done += byteCount;
    this.takenBytes += byteCount;
    if (this.#done === this.#blocks[0]?.filled) this.#release();
  }

  /** Whether a line is written in part only. */
  get torn(): boolean {
    return this.#done > 0 && this.#blocks[0]?.bytes[this.#done - 1] !== NEWLINE;
  }

  /** Puts the written part of a torn line back, so that the line can be written somewhere else as a whole. */
  untear(): void {
    if (!this.torn) return;
    const lineStart = (this.#blocks[0]?.bytes.subarray(0, this.#done).lastIndexOf(NEWLINE) ?? -1) + 1;
    this.takenBytes -= this.#done - lineStart;
    this.#done = lineStart;
  }

  /** How many lines wait; a torn one counts, an empty one does not. */
  get lineCount(): number {
    let lines = 0;
    for (const [i, { bytes, filled }] of this.#blocks.entries()) {
      const start = i === 0 ? this.#done : 0;
      for (
        let at = bytes.indexOf(NEWLINE, start);
        at !== -1 && at < filled;
        at = bytes.indexOf(NEWLINE, at + 1)
      ) {
        if (at > 0 && bytes[at - 1] !== NEWLINE) lines++;
      }
    }
    return lines;
  }

  /** Gives up all that waits; none of it may be in the middle of being written. */
  clear(): void {
    while (this.#blocks.length > 0) this.take(this.next().length);
  }

  #release(): void {
    const bytes = this.#blocks.shift()?.bytes;
    this.#done = 0;
    if (bytes?.length === BLOCK_BYTES && spares.length < SPARES_KEPT) spares.push(bytes);
  }
}
