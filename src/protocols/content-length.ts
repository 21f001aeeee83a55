/**
 * The length of a body as CGI and HTTP write it: digits alone (RFC 3875, section 4.1.2; RFC 9110, section 8.6).
 * @returns bytes; null for what is none, or more than can be counted
 */
export function parseContentLength(text: string): number | null {
  const bytes = Number(text);
  return /^\d+$/.test(text) && Number.isSafeInteger(bytes) ? bytes : null;
}
