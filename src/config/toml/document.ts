/** One TOML file: its values, where each stands, and what is wrong with it as TOML. */
import { type Problem, problem } from '../problems.ts';
import { compileToml, type PlainKeys } from './compile.ts';
import { type Located, locate, pathKey } from './locate.ts';
import type { Position, TomlPath } from './nodes.ts';
import { parseToml } from './parse.ts';

export interface TomlDocument {
  readonly file: string;
  readonly data: Readonly<Record<string, unknown>>;
  /** Once there are any, keys may be missing from `data` that the file meant to set. */
  readonly problems: readonly Problem[];
  /** Where the value at a path was said; undefined for a path that the file does not have. */
  find(path: TomlPath): Located | undefined;
  /** Line and column from 1. */
  position(offset: number): Position;
  /** The number, truth value or date that begins here, as it is spelled. */
  token(offset: number): string;
}

/** `plainKeys` are those that may be a plain value or a table. */
export function readToml(file: string, original: string, plainKeys: PlainKeys): TomlDocument {
  const { nodes, text, mistakes } = parseToml(original);
  const position = positions(text);
  const compiled = compileToml(nodes, { text, index: locate(nodes), position }, plainKeys);
  const index = locate(compiled.nodes);
  return {
    file,
    data: compiled.data,
    problems: [
      ...mistakes.map(it => problem('CONFIG_SYNTAX', { file, ...it }, it.message, it)),
      ...compiled.breaches.map(it => problem('CONFIG_SYNTAX', { file, ...it.place }, it.message, it)),
    ],
    find: path => index.get(pathKey(path)),
    position,
    token: offset => /^[^\s,\]}#]*/.exec(text.slice(offset, offset + 100))?.[0] ?? '',
  };
}

function positions(text: string): (offset: number) => Position {
  const starts = [0];
  for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', at + 1)) starts.push(at + 1);
  return offset => {
    const line = starts.findLastIndex(start => start <= offset);
    return { line: line + 1, column: offset - (starts[line] ?? 0) + 1 };
  };
}
