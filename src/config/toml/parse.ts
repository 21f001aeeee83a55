/**
 * Text to nodes. Where the parser stops on a line that `explainLine` can correct, the mistake is noted and
 * reading goes on with the corrected line, so that one slip does not hide all the others.
 */
import parser from 'toml/lib/parser.js';
import { explainLine } from './mistakes.ts';
import type { Position, TomlNode } from './nodes.ts';

export interface SyntaxMistake {
  readonly message: string;
  readonly line: number | null;
  readonly column: number | null;
  readonly key: string | null;
  readonly remedy: string;
}

export interface Parsed {
  /** Empty when the text cannot be read even with its mistakes corrected. */
  readonly nodes: readonly TomlNode[];
  /** The text that the offsets of the nodes count in: the one given, with its mistakes corrected. */
  readonly text: string;
  readonly mistakes: readonly SyntaxMistake[];
}

/** Corrections are tried this often: enough for any honest file, and a bound for the others. */
const MISTAKES_MAX = 50;

export function parseToml(original: string): Parsed {
  const mistakes: SyntaxMistake[] = [];
  let text = original;
  for (;;) {
    try {
      return { nodes: parser.parse(text), text, mistakes };
    } catch (error) {
      const stopped = readError(error);
      const corrected = stopped.line === null ? null : explainLine(lineAt(text, stopped.line));
      const remedy = corrected ? `write: ${corrected.line.trim()}` : stopped.remedy;
      const key = stopped.line === null ? null : keyAt(text, stopped.line);
      mistakes.push({ ...stopped, key, message: corrected?.message ?? stopped.message, remedy });
      if (!corrected || stopped.line === null || mistakes.length >= MISTAKES_MAX)
        return { nodes: [], text, mistakes };
      text = replaceLine(text, stopped.line, corrected.instead ?? corrected.line);
    }
  }
}

const GENERAL_REMEDY =
  'each line is a [table], a # comment or key = value; strings stand in double quotes, lists in [ ]';

interface Stopped {
  readonly message: string;
  readonly line: number | null;
  readonly column: number | null;
  readonly remedy: string;
}

function readError(error: unknown): Stopped {
  if (!(error instanceof Error)) throw error;
  const start = locationOf(error);
  const found = /but (.*) found\.$/s.exec(error.message)?.[1];
  // The parser lists all it would have taken, up to twenty items; what it found says more.
  const message =
    found === undefined ? error.message : `unexpected ${found === '"\\n"' ? 'end of line' : found}`;
  return {
    message: `not valid TOML: ${message}`,
    line: start?.line ?? null,
    column: start?.column ?? null,
    remedy: found === undefined ? 'correct the value' : GENERAL_REMEDY,
  };
}

/** The grammar says it in one way, the checks inside its rules (ranges, depth) in another. */
function locationOf(error: Error & { location?: { start: Position } } & Partial<Position>): Position | null {
  const { location, line, column } = error;
  if (location !== undefined) return location.start;
  return line === undefined || column === undefined ? null : { line, column };
}

/** The key that a line sets, with the table it stands in; null when it does not look like `key = value`. */
function keyAt(text: string, line: number): string | null {
  const name = /^\s*([\w.-]+)\s*=/.exec(lineAt(text, line))?.[1];
  if (name === undefined) return null;
  const before = text.split('\n').slice(0, line - 1);
  const header = before.map(it => /^\s*\[([\w.-]+)\]/.exec(it)?.[1]).findLast(it => it !== undefined);
  return header === undefined ? name : `${header}.${name}`;
}

function lineAt(text: string, line: number): string {
  return (text.split('\n')[line - 1] ?? '').replace(/\r$/, '');
}

function replaceLine(text: string, line: number, replacement: string): string {
  return text
    .split('\n')
    .map((old, at) => (at === line - 1 ? replacement : old))
    .join('\n');
}
