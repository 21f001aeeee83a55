/** What a program says, on its way to our output: the bytes as they are, or on a terminal as text that is fit for one. */

import type { Writable } from 'node:stream';
import { StringDecoder } from 'node:string_decoder';
import { printable } from '../printable.ts';

export interface Output extends Writable {
  readonly isTTY?: boolean;
}

export function programOutput(output: Output): (chunk: Buffer) => void {
  const fit = fitFor(output);
  return chunk => void output.write(fit(chunk));
}

/** @param isRaw the bytes as they are, on a terminal as well */
export function fitFor(output: Output, isRaw = false): (chunk: Buffer) => Buffer | string {
  if (output.isTTY !== true || isRaw) return chunk => chunk;
  const decoder = new StringDecoder('utf8'); // a chunk may end within a character
  return chunk => printable(decoder.write(chunk));
}
