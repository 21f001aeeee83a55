/**
 * Bytes from a worker's output pipe become lines of text that are safe to put into a log: one line stays one
 * line on any terminal and in any file, whatever the worker wrote.
 *
 * Text is UTF-8. A byte that is not shows as `\xNN`, a control character other than the tab as `\xNN` too
 * (`\uNNNN` above 7f; U+2028 and U+2029, at which some viewers break lines, and the controls of text direction, which
 * make a line look like another one, as well), so an escape sequence can be read but cannot act. A backslash that the worker wrote stays as it is.
 */

/** A longer line comes in parts of at most so many bytes; it also bounds what a pipe may hold back. */
export const LINE_LIMIT_BYTES: number = 64 * 1024;
const SMALLEST_STORE_BYTES = 256;
const NEWLINE = 10;
const RETURN = 13;

/** A line without its end, or a part of one that was too long: parts count from 1, `last` ends the line. */
export interface OutputLine {
  readonly text: string;
  readonly part?: number;
  readonly last?: boolean;
}

/** What has come of a line whose end has not. */
export interface UnfinishedLine {
  /** Base64. */
  readonly bytes: string;
  /** How many parts of it have left already. */
  readonly parts: number;
}

/** Splits what comes from one pipe. Holds nothing while no line is unfinished, never more than the limit. */
export class LineSplitter {
  #store: Buffer | undefined;
  #storedBytes = 0;
  #parts = 0;

  /** @param unfinished what another one had kept of the same pipe */
  constructor(unfinished: UnfinishedLine | null = null) {
    if (unfinished === null) return;
    this.#append(Buffer.from(unfinished.bytes, 'base64'));
    this.#parts = unfinished.parts;
  }

  /** null: there is none. */
  get unfinished(): UnfinishedLine | null {
    if (this.#storedBytes === 0 && this.#parts === 0) return null;
    const bytes = this.#store?.toString('base64', 0, this.#storedBytes) ?? '';
    return { bytes, parts: this.#parts };
  }

  /** Takes the next bytes; the chunk may be used again afterwards. @returns the lines that are now complete */
  push(chunk: Buffer): OutputLine[] {
    const lines: OutputLine[] = [];
    let start = 0;
    for (let end = chunk.indexOf(NEWLINE); end !== -1; end = chunk.indexOf(NEWLINE, start)) {
      if (this.#storedBytes === 0 && end - start <= LINE_LIMIT_BYTES) {
        lines.push({ text: lineText(chunk, start, end) });
      } else {
        this.#keep(chunk.subarray(start, end), lines);
        this.#finish(lines);
      }
      start = end + 1;
    }
    if (start < chunk.length) this.#keep(chunk.subarray(start), lines);
    return lines;
  }

  /** The pipe is at its end. @returns the line that had no newline, if there is one */
  end(): OutputLine[] {
    const lines: OutputLine[] = [];
    if (this.#storedBytes > 0) this.#finish(lines);
    return lines;
  }

  /** Stores bytes of an unfinished line; each time the store would overflow, it leaves as a part. */
  #keep(bytes: Buffer, lines: OutputLine[]): void {
    let start = 0;
    while (this.#storedBytes + bytes.length - start > LINE_LIMIT_BYTES) {
      const end = start + LINE_LIMIT_BYTES - this.#storedBytes;
      const store = this.#append(bytes.subarray(start, end));
      const cut = wholeCharacters(store);
      lines.push({ text: visibleText(store, 0, cut), part: ++this.#parts, last: false });
      store.copyWithin(0, cut);
      this.#storedBytes = LINE_LIMIT_BYTES - cut;
      start = end;
    }
    this.#append(bytes.subarray(start));
  }

  #append(bytes: Buffer): Buffer {
    const needed = this.#storedBytes + bytes.length;
    let store = this.#store;
    if (store === undefined || store.length < needed) {
      // Doubling: a worker that writes byte by byte must not cost a copy of the whole line each time.
      const size = Math.max(needed, SMALLEST_STORE_BYTES, 2 * (store?.length ?? 0));
      const larger = Buffer.allocUnsafeSlow(Math.min(size, LINE_LIMIT_BYTES));
      store?.copy(larger, 0, 0, this.#storedBytes);
      store = larger;
      this.#store = store;
    }
    bytes.copy(store, this.#storedBytes);
    this.#storedBytes = needed;
    return store;
  }

  #finish(lines: OutputLine[]): void {
    const text = this.#store === undefined ? '' : lineText(this.#store, 0, this.#storedBytes);
    lines.push(this.#parts === 0 ? { text } : { text, part: this.#parts + 1, last: true });
    this.#store = undefined;
    this.#storedBytes = 0;
    this.#parts = 0;
  }
}

function lineText(bytes: Buffer, start: number, end: number): string {
  return visibleText(bytes, start, end > start && bytes[end - 1] === RETURN ? end - 1 : end);
}

/** How many bytes may be cut off the front without breaking the last character in two. */
function wholeCharacters(bytes: Buffer): number {
  for (let back = 1; back <= 3; back++) {
    const byte = bytes[bytes.length - back] ?? 0;
    if ((byte & 0xc0) === 0x80) continue;
    const wanted = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : byte >= 0xc0 ? 2 : 1;
    return wanted > back ? bytes.length - back : bytes.length;
  }
  return bytes.length;
}

const HIDDEN = /(?!\t)[\p{Cc}\u2028\u2029\p{Bidi_Control}]/gu;
/** Well-formed UTF-8 beyond ASCII (Unicode 15, table 3-7), or one byte that is none; each byte a character. */
const WELL_FORMED_OR_BYTE =
  /((?:[\xc2-\xdf][\x80-\xbf]|\xe0[\xa0-\xbf][\x80-\xbf]|[\xe1-\xec\xee\xef][\x80-\xbf]{2}|\xed[\x80-\x9f][\x80-\xbf]|\xf0[\x90-\xbf][\x80-\xbf]{2}|[\xf1-\xf3][\x80-\xbf]{3}|\xf4[\x80-\x8f][\x80-\xbf]{2})+)|[\x80-\xff]/g;

function visibleText(bytes: Buffer, start: number, end: number): string {
  const text = bytes.toString('utf8', start, end);
  // U+FFFD stands for what could not be decoded, or was in the text: only then is a closer look needed.
  const decoded = text.includes('\ufffd') ? decodeWithEscapes(bytes.toString('latin1', start, end)) : text;
  return decoded.replace(HIDDEN, escapeCharacter);
}

function decodeWithEscapes(latin1: string): string {
  return latin1.replace(WELL_FORMED_OR_BYTE, (found, wellFormed?: string) =>
    wellFormed === undefined ? escapeByte(found) : Buffer.from(wellFormed, 'latin1').toString(),
  );
}

function escapeCharacter(character: string): string {
  return character <= '\x7f' ? escapeByte(character) : `\\u${hex(character).padStart(4, '0')}`;
}

function escapeByte(character: string): string {
  return `\\x${hex(character).padStart(2, '0')}`;
}

function hex(character: string): string {
  return character.charCodeAt(0).toString(16);
}
