/** The last lines of a file, read from its end: what it costs depends on the lines, not on the size of the file. */
import { readSync } from 'node:fs';

const NEWLINE = 10;
const BLOCK_BYTES = 64 * 1024;
/** How far back lines are searched for: those of one pool can be rare in the log of many. */
export const SEARCH_MAX_BYTES: number = 16 * 1024 * 1024;

export interface LastLines {
  /** The oldest first. */
  readonly lines: readonly string[];
  /** Where the last complete line ends. */
  readonly end: number;
  /** Older lines were not searched: the limit was reached first. */
  readonly isCut: boolean;
}

/** @param size of the file. A last line without its newline is still being written, and left out */
export function lastLines(
  descriptor: number,
  size: number,
  count: number,
  isWanted: (line: string) => boolean,
): LastLines {
  const lines: string[] = [];
  const floor = Math.max(0, size - SEARCH_MAX_BYTES);
  /** The end of the line that is being collected; null: no newline was found yet. */
  let collected: Buffer[] | null = null;
  let end = 0;
  const take = (first: Buffer, rest: readonly Buffer[]): void => {
    const line = Buffer.concat([first, ...rest]).toString();
    if (line !== '' && lines.length < count && isWanted(line)) lines.push(line);
  };
  let position = size;
  while (position > floor && (lines.length < count || collected === null)) {
    const start = Math.max(floor, position - BLOCK_BYTES);
    const block = readAt(descriptor, start, position - start);
    let lineEnd = block.length;
    for (let at = block.lastIndexOf(NEWLINE); at !== -1; at = previous(block, at)) {
      if (collected === null) end = start + at + 1;
      else take(block.subarray(at + 1, lineEnd), collected);
      collected = [];
      lineEnd = at;
      if (lines.length === count) break;
    }
    collected?.unshift(block.subarray(0, lineEnd));
    position = start;
  }
  if (position === 0 && collected !== null) take(Buffer.alloc(0), collected);
  return { lines: lines.reverse(), end, isCut: floor > 0 && position === floor && lines.length < count };
}

function previous(block: Buffer, at: number): number {
  return at === 0 ? -1 : block.lastIndexOf(NEWLINE, at - 1);
}

/** Less than asked for where the file was truncated meanwhile. */
function readAt(descriptor: number, position: number, length: number): Buffer {
  const bytes = Buffer.allocUnsafe(length);
  return bytes.subarray(0, readSync(descriptor, bytes, 0, length, position));
}
