/** Names of files are bytes, not text. */

export function startsWith(whole: Buffer, start: Buffer): boolean {
  return whole.length >= start.length && whole.compare(start, 0, start.length, 0, start.length) === 0;
}

export function endsWith(whole: Buffer, end: Buffer): boolean {
  const from = whole.length - end.length;
  return from >= 0 && whole.compare(end, 0, end.length, from) === 0;
}

const LONGEST_SHOWN = 500;

/** A name for one line of a log: without what would end the line or do something to a terminal, and not endless. */
export function shown(name: Buffer): string {
  const text = name
    .subarray(0, LONGEST_SHOWN)
    .toString('utf8')
    .replaceAll(
      /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu,
      character => `\\u{${character.codePointAt(0)?.toString(16)}}`,
    );
  return name.length > LONGEST_SHOWN ? `${text}... (${name.length} bytes)` : text;
}
