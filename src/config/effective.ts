/** From what files say to values that the schema takes: layers over each other, variables expanded, paths absolute. */
import { dirname } from 'node:path';
import { type ExpandContext, expand } from './expand.ts';
import { type Problem, problem } from './problems.ts';
import { isTable, type Said, type SaidMap } from './said.ts';
import type { FileKind } from './schema.ts';
import { type KeyPlace, placeKey } from './sources.ts';

export interface Effective {
  readonly said: SaidMap;
  readonly problems: readonly Problem[];
}

/** Later layers win; tables of the user's own names (`env`, `params`) are merged name by name. */
export function mergeLayers(layers: readonly SaidMap[]): SaidMap {
  return new Map(layers.flatMap(layer => [...layer]));
}

/** Expands all strings and makes all paths absolute, each for the file that says it. */
export function evaluate(said: SaidMap, kind: FileKind, context: Omit<ExpandContext, 'here'>): Effective {
  const problems: Problem[] = [];
  const isJailed = kind === 'pool' && said.has('chroot');
  const evaluated = [...said].map(([name, it]): [string, Said] => {
    const here = dirname(it.place.file);
    const toText = (text: string, place: KeyPlace): string => {
      const expanded = expand(text, { ...context, here });
      if (expanded.ok) return expanded.text;
      const parts = { key: keyName(it), found: JSON.stringify(text), remedy: expanded.remedy };
      problems.push(problem('CONFIG_VARIABLE', place, expanded.message, parts));
      return text;
    };
    const value = absolute(mapStrings(it.value, it.place, it.items, toText), it, here, isJailed);
    return [name, { ...it, value }];
  });
  return { said: new Map(evaluated), problems };
}

/** The key in dotted form with the user's own name where there is one: `env.PATH`. */
export function keyName(said: Said): string {
  return said.element === undefined ? said.key.name : `${said.key.name}.${said.element}`;
}

function mapStrings(
  value: unknown,
  place: KeyPlace,
  items: readonly KeyPlace[],
  map: (text: string, place: KeyPlace) => string,
): unknown {
  if (typeof value === 'string') return map(value, place);
  if (Array.isArray(value)) return value.map((item, at) => mapStrings(item, items[at] ?? place, [], map));
  return value;
}

function absolute(value: unknown, said: Said, here: string, isJailed: boolean): unknown {
  const { kind, meta } = said.key;
  // What is inside a jail is relative to no file of ours.
  return isJailed && meta.isInJail ? value : (kind.absolute?.(value, here) ?? value);
}

/** As one tree, in the shape that the schema takes. */
export function toTree(said: SaidMap): Record<string, unknown> {
  const root: Record<string, unknown> = Object.create(null);
  for (const it of said.values()) {
    const path = it.element === undefined ? it.key.path : [...it.key.path, it.element];
    setAt(root, path, it.value);
  }
  return root;
}

function setAt(root: Record<string, unknown>, path: readonly string[], value: unknown): void {
  let table = root;
  for (const name of path.slice(0, -1)) {
    const inner = table[name];
    const next: Record<string, unknown> = isTable(inner) ? { ...inner } : {};
    Object.setPrototypeOf(next, null);
    table[name] = next;
    table = next;
  }
  table[path.at(-1) ?? ''] = value;
}

/** The places of all values, for `Sources`. */
export function placesOf(said: SaidMap): Map<string, KeyPlace> {
  const places = new Map<string, KeyPlace>();
  for (const [name, it] of said) {
    places.set(name, it.place);
    if (!places.has(it.key.name)) places.set(it.key.name, it.place);
    for (const [at, place] of it.items.entries()) places.set(placeKey(it.key.name, at), place);
  }
  return places;
}
