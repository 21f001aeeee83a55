/**
 * Nodes to values, by the package's own compiler, which knows TOML's rules about saying a thing twice but
 * stops at the first breach. Each breach is noted, the node that makes it left out, and the rest compiled,
 * so that all of them are reported at once.
 */
import compiler from 'toml/lib/compiler.js';
import { pathKey, type TomlIndex } from './locate.ts';
import type { AssignNode, Position, TomlNode } from './nodes.ts';
import { tomlPath } from './write.ts';

/** Keys that are a plain value or a table, and the key to which the value moves when there is a table. */
export type PlainKeys = Readonly<Record<string, string>>;

export interface Breach {
  readonly place: Position;
  readonly message: string;
  readonly remedy: string;
  readonly key: string | null;
}

export interface Compiled {
  readonly data: Readonly<Record<string, unknown>>;
  /** The nodes that took part. */
  readonly nodes: readonly TomlNode[];
  readonly breaches: readonly Breach[];
}

interface Document {
  readonly text: string;
  readonly index: TomlIndex;
  position(offset: number): Position;
}

/** As in parse.ts: enough for any honest file. */
const BREACHES_MAX = 50;

export function compileToml(all: readonly TomlNode[], document: Document, plainKeys: PlainKeys): Compiled {
  const { kept, breaches } = dropPlainKeys(all, document, plainKeys);
  let nodes = kept;
  for (;;) {
    try {
      return { data: compiler.compile(nodes, document.text), nodes, breaches };
    } catch (error) {
      if (!(error instanceof Error)) throw error;
      const place = placeOf(error);
      const at = nodes.findLastIndex(({ offset }) => !isBefore(place, document.position(offset)));
      const node = nodes[at];
      if (!node) throw error;
      breaches.push(explain(node, fullPaths(nodes)[at] ?? [], error.message, place, document));
      if (breaches.length >= BREACHES_MAX) return { data: {}, nodes: [], breaches };
      nodes = [
        ...nodes.slice(0, at),
        ...nodes.slice(node.type === 'Assign' ? at + 1 : nextHeader(nodes, at)),
      ];
    }
  }
}

/** What the compiler complains of: a statement, or something inside of its value. */
function placeOf({ line = 0, column = 0 }: Error & Partial<Position>): Position {
  return { line, column };
}

function isBefore(a: Position, b: Position): boolean {
  return a.line < b.line || (a.line === b.line && a.column < b.column);
}

/** A table that cannot be opened takes its keys with it: under the table before, they would mean something else. */
function nextHeader(nodes: readonly TomlNode[], from: number): number {
  const next = nodes.findIndex((node, at) => at > from && node.type !== 'Assign');
  return next < 0 ? nodes.length : next;
}

/** The path that each node sets or opens, from the root. */
function fullPaths(nodes: readonly TomlNode[]): (readonly string[])[] {
  let header: readonly string[] = [];
  return nodes.map(node => {
    if (node.type === 'Assign') return [...header, ...node.key];
    header = node.value;
    return header;
  });
}

function explain(
  node: TomlNode,
  path: readonly string[],
  complaint: string,
  place: Position,
  document: Document,
): Breach {
  const key = tomlPath(path);
  const inner = /^Cannot (?:redefine|use dotted|extend|append).*?'(.*)'/s.exec(complaint)?.[1];
  if (inner !== undefined && isBefore(document.position(node.offset), place)) {
    return {
      place,
      message: `${inner} is set twice inside of one value`,
      remedy: 'keep one of the two',
      key,
    };
  }
  const first = firstMention(path, node.offset, document);
  if (!/^Cannot (redefine|use dotted|extend|append)/.test(complaint) || !first) {
    return { place, message: complaint, remedy: 'correct the value', key };
  }
  const line = document.position(first.offset).line;
  const name = tomlPath(first.path);
  if (node.type !== 'Assign') {
    const remedy = `move the keys below this [${key}] to where line ${line} sets ${name}`;
    return { place, message: `the table [${key}] is already set on line ${line}`, remedy, key };
  }
  const message = `${name} is set twice: line ${line} sets it already`;
  return { place, message, remedy: `keep line ${line} or this line, not both`, key };
}

/** The longest part of the path that the document said before; the index keeps the first place of each. */
function firstMention(
  path: readonly string[],
  before: number,
  document: Document,
): { path: readonly string[]; offset: number } | null {
  for (let length = path.length; length > 0; length--) {
    const part = path.slice(0, length);
    const located = document.index.get(pathKey(part));
    if (located && located.keyOffset < before) return { path: part, offset: located.keyOffset };
  }
  return null;
}

/** `listen = "x"` beside `listen.mode`: TOML cannot hold both, and the answer is the key to which the value moves. */
function dropPlainKeys(
  all: readonly TomlNode[],
  document: Document,
  plainKeys: PlainKeys,
): { kept: readonly TomlNode[]; breaches: Breach[] } {
  const breaches: Breach[] = [];
  const paths = fullPaths(all);
  const kept = all.filter((node, at) => {
    const path = paths[at] ?? [];
    const inner = plainKeys[tomlPath(path)];
    if (inner === undefined || node.type !== 'Assign' || !isScalar(node)) return true;
    const other = deeper(all, paths, path);
    if (other === null) return true;
    breaches.push({
      place: document.position(node.offset),
      message: `${path.at(-1)} cannot be a value and a table: line ${document.position(other.offset).line} sets ${other.name}`,
      remedy: `write: ${tomlPath([...node.key, inner])} = ${sourceOf(document.text, node)}`,
      key: tomlPath(path),
    });
    return false;
  });
  return { kept, breaches };
}

/** A node that sets something below the path, or opens it as a table. */
function deeper(
  nodes: readonly TomlNode[],
  paths: readonly (readonly string[])[],
  path: readonly string[],
): { offset: number; name: string } | null {
  for (const [at, node] of nodes.entries()) {
    const full = paths[at] ?? [];
    const isBelow = full.length > path.length || (node.type !== 'Assign' && full.length === path.length);
    if (isBelow && path.every((name, depth) => full[depth] === name)) {
      return { offset: node.offset, name: node.type === 'Assign' ? tomlPath(full) : `[${tomlPath(full)}]` };
    }
  }
  return null;
}

function isScalar(node: AssignNode): boolean {
  return node.value.type !== 'InlineTable' && node.value.type !== 'Array';
}

/** The value as it stands in the text, up to the end of its line or a comment. */
function sourceOf(text: string, node: AssignNode): string {
  const rest = text.slice(node.value.offset).split('\n')[0] ?? '';
  return (/^(?:"(?:[^"\\]|\\.)*"|'[^']*'|[^#\s]+)/.exec(rest)?.[0] ?? rest).trim();
}
