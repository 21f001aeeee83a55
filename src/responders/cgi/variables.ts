/** What a request says before its body, as far as it must be understood here. */
import { parseContentLength } from '../../protocols/content-length.ts';
import type { Pair } from '../../protocols/pair.ts';
import type { Refusal } from './located.ts';

/**
 * The variables by name; of a name that stands twice, the last. Names are Latin-1, so that all bytes are told apart.
 * A value with a NUL would reach the script cut off, which is refused.
 */
export function requestVariables(params: readonly Pair[]): ReadonlyMap<string, Buffer> | Refusal {
  const variables = new Map<string, Buffer>();
  for (const [name, value] of params) {
    if (value.includes(0)) return { status: 400, reason: `a NUL in the variable ${name.toString('latin1')}` };
    variables.set(name.toString('latin1'), value);
  }
  return variables;
}

/** CONTENT_LENGTH (RFC 3875, section 4.1.2); null where it is not said, and the body goes on until it ends. */
export function bodyBytes(variables: ReadonlyMap<string, Buffer>): number | null | Refusal {
  const text = variables.get('CONTENT_LENGTH')?.toString('latin1') ?? '';
  if (text === '') return null;
  return (
    parseContentLength(text) ?? {
      status: 400,
      reason: `CONTENT_LENGTH is not a number of bytes: ${text.slice(0, 40)}`,
    }
  );
}
