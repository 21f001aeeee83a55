/**
 * Files of KEY=VALUE lines by the rules of EnvironmentFile= in systemd.exec(5), so that one file serves both:
 * comments begin a line with # or ;, quotes may hold several lines, a backslash before the line's end joins
 * two lines, nothing is expanded. dotenv's libraries differ in all four. `export` before a name is skipped, for
 * files that a shell reads as well.
 */

export interface EnvFile {
  readonly variables: ReadonlyMap<string, { readonly value: string; readonly line: number }>;
  /** Lines that set nothing, from 1. */
  readonly mistakes: readonly { readonly line: number; readonly message: string }[];
}

export function parseEnvFile(text: string): EnvFile {
  const variables = new Map<string, { value: string; line: number }>();
  const mistakes: { line: number; message: string }[] = [];
  let at = 0;
  while (at < text.length) {
    const end = lineEnd(text, at);
    const line = text.slice(at, end);
    const start = at;
    at = end + 1;
    if (/^\s*([#;]|$)/.test(line)) continue;
    const name = /^\s*(?:export\s+)?([^=\s]+)\s*=/.exec(line);
    if (!name?.[1]) {
      mistakes.push({ line: lineNumber(text, start), message: 'not a KEY=VALUE line' });
      continue;
    }
    const value = readValue(text, start + name[0].length);
    at = value.next;
    if (value.open)
      mistakes.push({ line: lineNumber(text, start), message: `the quote of ${name[1]} has no end` });
    else if (value.text.includes('\0')) {
      mistakes.push({ line: lineNumber(text, start), message: `the value of ${name[1]} has a NUL in it` });
    } else variables.set(name[1], { value: value.text, line: lineNumber(text, start) });
  }
  return { variables, mistakes };
}

/**
 * Reads from after the equals sign to the end of the value's last line. A quote opens only where a word
 * may begin: in `a"b"` it is a character like any other.
 */
function readValue(text: string, from: number): { text: string; next: number; open: boolean } {
  let out = '';
  let state: 'between' | 'plain' | '"' | "'" = 'between';
  /** Blanks at the end of an unquoted value do not belong to it: what is kept of `out`. */
  let kept = 0;
  let at = from;
  for (; at < text.length; at++) {
    const char = text[at] ?? '';
    const isOutside = state === 'between' || state === 'plain';
    if (isOutside && char === '\n') break;
    if (char === state) state = 'between';
    else if (state === 'between' && (char === '"' || char === "'")) state = char;
    else if (state === 'between' && /\s/.test(char)) continue;
    else if (char === '\\' && state !== "'") {
      at++;
      out += escaped(text[at] ?? '', state === '"');
      kept = out.length;
      if (state === 'between') state = 'plain';
    } else {
      out += char;
      if (state === 'between') state = 'plain';
      if (state !== 'plain' || !/\s/.test(char)) kept = out.length;
    }
  }
  return { text: out.slice(0, kept), next: at + 1, open: state === '"' || state === "'" };
}

/** Inside double quotes only what a shell would unescape loses its backslash; elsewhere everything does. */
function escaped(char: string, isQuoted: boolean): string {
  if (char === '\n') return '';
  return isQuoted && !/["\\$`]/.test(char) ? `\\${char}` : char;
}

function lineEnd(text: string, from: number): number {
  const end = text.indexOf('\n', from);
  return end < 0 ? text.length : end;
}

function lineNumber(text: string, offset: number): number {
  return text.slice(0, offset).split('\n').length;
}
