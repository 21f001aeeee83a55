/**
 * Files of KEY=VALUE lines by the rules of EnvironmentFile= in systemd.exec(5), so that one file serves both:
 * comments begin a line with # or ;, quotes may hold several lines, a backslash before the line's end joins
 * two lines, nothing is expanded. dotenv's libraries differ in all four. `export` before a name is skipped, for
 * files that a shell reads as well.
 */

export interface EnvFile {
  readonly variables: ReadonlyMap<string, string>;
  /** By variable, the line that sets it, from 1. */
  readonly lines: ReadonlyMap<string, number>;
  /** The first lines that set nothing, from 1. They tell nothing of what is in the file. */
  readonly mistakes: readonly { readonly line: number; readonly message: string }[];
}

/** A file that is no env file has one a line. */
const MISTAKES_MAX = 10;

/** @param nameProblem why a variable of that name cannot be set; null: it can */
export function parseEnvFile(
  text: string,
  nameProblem: (name: string) => string | null = () => null,
): EnvFile {
  const variables = new Map<string, string>();
  const lines = new Map<string, number>();
  const mistakes: { line: number; message: string }[] = [];
  let at = 0;
  let line = 1;
  while (at < text.length) {
    const start = at;
    const mistake = readEntry();
    if (mistake !== null && mistakes.length < MISTAKES_MAX) mistakes.push({ line, message: mistake });
    for (let end = text.indexOf('\n', start); end >= 0 && end < at; end = text.indexOf('\n', end + 1)) line++;
  }
  return { variables, lines, mistakes };

  /** One variable, comment or empty line, from `at` on. @returns what is wrong with it */
  function readEntry(): string | null {
    const start = at;
    const end = lineEnd(text, at);
    const entry = text.slice(at, end);
    at = end + 1;
    if (/^\s*([#;]|$)/.test(entry)) return null;
    const name = /^\s*(?:export\s+)?([^=\s]+)\s*=/.exec(entry);
    if (!name?.[1]) return 'not a KEY=VALUE line';
    const value = readValue(text, start + name[0].length);
    at = value.next;
    if (value.open) return 'its quote has no end';
    if (value.text.includes('\0')) return 'its value has a NUL in it';
    const problem = nameProblem(name[1]);
    if (problem !== null) return problem;
    variables.set(name[1], value.text);
    lines.set(name[1], line);
    return null;
  }
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
