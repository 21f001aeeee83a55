/** One header line of a CGI response: `name ":" value` (RFC 3875, section 6.3, with the tokens of RFC 9110). */

import type { Pair } from '../pair.ts';
import { ProtocolError } from '../protocol-error.ts';

const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
// A tab may stand within a value, another control character never: it would reach the HTTP client.
const CONTROL = /[^\t\x20-\x7e\x80-\xff]/;

/**
 * @param line without its line end, decoded as Latin-1.
 * @throws ProtocolError CGI_FOLDED, CGI_HEADER.
 */
export function parseField(line: string): Pair<string> {
  if (line.startsWith(' ') || line.startsWith('\t')) {
    throw new ProtocolError('CGI_FOLDED', 'a header line begins with a blank: folded headers are refused');
  }
  const colon = line.indexOf(':');
  const name = colon < 0 ? line : line.slice(0, colon);
  if (colon < 0 || !TOKEN.test(name)) {
    throw new ProtocolError('CGI_HEADER', `not a header line: ${JSON.stringify(line.slice(0, 60))}`);
  }
  const value = trimBlanks(line.slice(colon + 1));
  if (CONTROL.test(value)) {
    throw new ProtocolError('CGI_HEADER', `a control character in the value of ${name}`);
  }
  return [name, value];
}

/**
 * The line without its end; what cannot be said in one is refused, so that nothing is said that was not meant.
 * @throws ProtocolError CGI_HEADER.
 */
export function formatField([name, value]: Pair<string>): string {
  if (!TOKEN.test(name))
    throw new ProtocolError('CGI_HEADER', `not a field name: ${JSON.stringify(name.slice(0, 60))}`);
  if (CONTROL.test(value))
    throw new ProtocolError('CGI_HEADER', `the value of ${name} cannot stand in a header line`);
  return `${name}: ${value}`;
}

/** Blanks around a value do not belong to it; by index, because a pattern for it would be quadratic. */
function trimBlanks(text: string): string {
  let start = 0;
  let end = text.length;
  while (start < end && isBlank(text, start)) start += 1;
  while (end > start && isBlank(text, end - 1)) end -= 1;
  return text.slice(start, end);
}

function isBlank(text: string, at: number): boolean {
  const code = text.charCodeAt(at);
  return code === 0x20 || code === 0x09;
}
