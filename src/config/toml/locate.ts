/**
 * Where each value of a TOML document stands. The package's public answer is values without places, so this
 * walks its parser's nodes by the same rules as its compiler: what a header opens, what a dotted key means
 * under it, which element of an array of tables is the current one.
 */
import type { TomlNode, TomlPath, ValueNode } from './nodes.ts';

export interface Located {
  readonly path: TomlPath;
  /** Where the key begins; for an element of a list, the element itself. */
  readonly keyOffset: number;
  /** Where the value begins; the same as `keyOffset` for a table that a header opens. */
  readonly valueOffset: number;
  /** The header under which it was written, if any. */
  readonly header: Header | null;
}

export interface Header {
  readonly path: TomlPath;
  readonly offset: number;
}

export type TomlIndex = ReadonlyMap<string, Located>;

export function pathKey(path: TomlPath): string {
  return JSON.stringify(path);
}

/** Every table, value and element by `pathKey`; the first place wins where a table is said in parts. */
export function locate(nodes: readonly TomlNode[]): TomlIndex {
  const index = new Map<string, Located>();
  const tableArrays = new Map<string, number>();
  let header: Header | null = null;

  const add = (path: TomlPath, keyOffset: number, valueOffset: number): void => {
    if (!index.has(pathKey(path))) index.set(pathKey(path), { path, keyOffset, valueOffset, header });
  };
  const addKey = (base: TomlPath, key: readonly string[], value: ValueNode, offset: number): void => {
    for (let length = 1; length < key.length; length++)
      add([...base, ...key.slice(0, length)], offset, offset);
    const path = [...base, ...key];
    add(path, offset, value.offset);
    addInside(path, value);
  };
  const addInside = (path: TomlPath, value: ValueNode): void => {
    if (value.type === 'Array') {
      for (const [at, element] of value.value.entries()) {
        add([...path, at], element.offset, element.offset);
        addInside([...path, at], element);
      }
    } else if (value.type === 'InlineTable') {
      for (const entry of value.value) {
        if (entry.type === 'InlineTableValue') addKey(path, entry.key, entry.value, entry.offset);
      }
    }
  };

  for (const node of nodes) {
    if (node.type === 'Assign') {
      addKey(header?.path ?? [], node.key, node.value, node.offset);
      continue;
    }
    const path = openTable(node.value, node.type === 'ArrayPath', tableArrays);
    header = { path, offset: node.offset };
    for (let length = 1; length <= path.length; length++)
      add(path.slice(0, length), node.offset, node.offset);
  }
  return index;
}

/** The path that a header means: a name of an array of tables stands for its last element. */
function openTable(names: readonly string[], isArray: boolean, tableArrays: Map<string, number>): TomlPath {
  let path: TomlPath = [];
  for (const [at, name] of names.entries()) {
    path = [...path, name];
    if (isArray && at === names.length - 1)
      tableArrays.set(pathKey(path), (tableArrays.get(pathKey(path)) ?? 0) + 1);
    const count = tableArrays.get(pathKey(path));
    if (count !== undefined) path = [...path, count - 1];
  }
  return path;
}
