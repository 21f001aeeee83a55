/**
 * What a command prints. Its streams are opened with the first word: doing so changes the flags of a pipe, which the
 * keeper, a command as well, must leave to those that it shares its output with.
 */
import { constants } from 'node:os';
import { EXIT } from '../errors.ts';
import { printable } from '../printable.ts';

type Name = 'stdout' | 'stderr';

/** Text, whoever has made it: what would act on a terminal is shown. */
export function write(name: Name, text: string): void {
  output(name).write(printable(text));
}

/** What is to act on the terminal (ECMA-48): back to the top and clear all; back to the line's beginning and clear it. */
const ACTIONS = { screen: '\u001B[H\u001B[2J', line: '\r\u001B[K' } as const;

export function clear(name: Name, what: keyof typeof ACTIONS): void {
  if (output(name).isTTY) output(name).write(ACTIONS[what]);
}

/** For what is written bit by bit. */
export function output(name: Name): NodeJS.WriteStream {
  const stream = process[name];
  if (!stream.listeners('error').includes(endWithReader)) stream.on('error', endWithReader);
  return stream;
}

/** A reader that has enough (`fpm-ts status | head -1`) ends a command as SIGPIPE would, which Node ignores. */
function endWithReader(error: NodeJS.ErrnoException): void {
  if (error.code === 'EPIPE') process.exit(128 + constants.signals.SIGPIPE);
  const exitCode = process.exitCode || EXIT.failed; // some set 0 themselves
  process.stderr.write(`fpm-ts: cannot write its output: ${error.message}\n`, () => process.exit(exitCode));
}
