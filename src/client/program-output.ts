/**
 * What a program sends, on its way to our output. What it says on FCGI_STDERR is text, and stands among messages of ours:
 * it is made printable (printable.ts) in a file as well, which is read on a terminal later. The body of an answer is the
 * user's: a file gets its bytes, and only a terminal gets it as printable text.
 */

import type { Writable } from 'node:stream';
import { StringDecoder } from 'node:string_decoder';
import { printable } from '../printable.ts';

export interface Output extends Writable {
  readonly isTTY?: boolean;
}

export function programOutput(output: Output): (chunk: Buffer) => void {
  const text = asText();
  return chunk => void output.write(text(chunk));
}

/** @param isRaw the bytes as they are, on a terminal as well */
export function bodyFor(output: Output, isRaw = false): (chunk: Buffer) => Buffer | string {
  return output.isTTY !== true || isRaw ? chunk => chunk : asText();
}

function asText(): (chunk: Buffer) => string {
  const decoder = new StringDecoder('utf8'); // a chunk may end within a character
  return chunk => printable(decoder.write(chunk));
}
