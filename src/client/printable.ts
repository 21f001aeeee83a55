/** What a program says, fit for a terminal: control characters could do there as they please. */

import type { Writable } from 'node:stream';
import { StringDecoder } from 'node:string_decoder';

export interface Output extends Writable {
  readonly isTTY?: boolean;
}

/** Control characters as \xHH; line ends and tabs stay. */
export function printable(text: string): string {
  return text
    .replaceAll('\r\n', '\n')
    .replaceAll(/\p{Cc}/gu, character =>
      character === '\n' || character === '\t' ? character : escaped(character.charCodeAt(0)),
    );
}

/** Passes a program's bytes on: as they are, or on a terminal as text. */
export function programOutput(output: Output): (chunk: Buffer) => void {
  if (output.isTTY !== true) return chunk => void output.write(chunk);
  const decoder = new StringDecoder('utf8'); // a chunk may end within a character
  return chunk => void output.write(printable(decoder.write(chunk)));
}

function escaped(code: number): string {
  return `\\x${code.toString(16).padStart(2, '0')}`;
}
