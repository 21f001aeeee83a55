/** What a program has thrown, as one line for a log: what, why, and where in the program. */
import { inspect } from 'node:util';

const MAX_CHARACTERS = 2000;
/** The place in a line of a stack: `at name (file:line:column)` or `at file:line:column`. */
const FRAME = /^\s+at (?:.*\()?((?:file:\/\/|\/)[^()]*:\d+:\d+)\)?$/m;

/** Never throws, whatever it is given. */
export function describeError(error: unknown): string {
  let text: string;
  try {
    text = error instanceof Error ? describe(error) : `thrown: ${inspect(error, { breakLength: Infinity })}`;
  } catch {
    text = 'an error that cannot be shown';
  }
  return oneLine(text);
}

function describe(error: Error): string {
  const place = FRAME.exec(error.stack ?? '')?.[1];
  const cause = error.cause instanceof Error ? `; caused by ${error.cause.name}: ${error.cause.message}` : '';
  return `${error.name}: ${error.message}${cause}${place === undefined ? '' : ` (${place})`}`;
}

/** A line end would make lines of the log that nobody has written; so would what a terminal acts upon. */
export function oneLine(text: string): string {
  const line = text.replace(/\p{Cc}+/gu, ' ');
  return line.length > MAX_CHARACTERS ? `${line.slice(0, MAX_CHARACTERS)}...` : line;
}
