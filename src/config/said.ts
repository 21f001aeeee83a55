/**
 * What one file says, key by key: the known keys with their values and places, and a problem for each key
 * that does not exist. Plain `listen` and `pm` are read as `listen.address` and `pm.mode` from here on.
 */
import { type Problem, problem } from './problems.ts';
import { type FileKind, GROUPS, KEYS, type KeyInfo, PLAIN_KEYS } from './schema.ts';
import { type KeyPlace, placeKey, type Via } from './sources.ts';
import type { TomlDocument } from './toml/document.ts';
import type { Located } from './toml/locate.ts';
import { tomlPath } from './toml/write.ts';
import { isFamiliarGroup, swallowedKey, unknownKey } from './unknown.ts';

/** One value, or one name of a table such as `env`. */
export interface Said {
  readonly key: KeyInfo;
  readonly element: string | undefined;
  readonly value: unknown;
  readonly place: KeyPlace;
  /** The value as spelled, where it is not a string, list or table. */
  readonly token: string;
  /** Places of the items of a list. */
  readonly items: readonly KeyPlace[];
}

/** By `placeKey`, so that one layer goes over another by plain assignment. */
export type SaidMap = ReadonlyMap<string, Said>;

export interface FileSays {
  readonly said: SaidMap;
  readonly problems: readonly Problem[];
}

/** Reads the part of a document below `base`: [] for a whole file, ['defaults'] for that table. */
export function readSaid(
  document: TomlDocument,
  kind: FileKind,
  base: readonly string[],
  via: Via,
): FileSays {
  const said = new Map<string, Said>();
  const problems: Problem[] = [...document.problems];

  const placeOf = (path: readonly (string | number)[]): KeyPlace => {
    const located = document.find([...base, ...path]);
    if (!located) return { file: document.file, line: null, column: null, via };
    return { file: document.file, ...document.position(located.keyOffset), via };
  };
  const add = (key: KeyInfo, path: readonly string[], element: string | undefined, value: unknown): void => {
    const located = document.find([...base, ...path]);
    // zod leaves this name out of a record without a word.
    if (element === '__proto__') {
      const parts = { key: path.join('.'), remedy: 'remove it, or give it another name' };
      problems.push(problem('CONFIG_VALUE', placeOf(path), '"__proto__" cannot be a name here', parts));
      return;
    }
    const swallowed = element === undefined ? null : swallowedElement(located, key, element, value);
    if (swallowed) {
      problems.push(problem('CONFIG_CONFLICT', placeOf(path), swallowed.message, swallowed));
      return;
    }
    said.set(placeKey(key.name, element), {
      key,
      element,
      value,
      place: placeOf(path),
      token: located ? document.token(located.valueOffset) : '',
      items: Array.isArray(value) ? value.map((_, at) => placeOf([...path, at])) : [],
    });
  };
  const swallowedElement = (located: Located | undefined, key: KeyInfo, element: string, value: unknown) => {
    if (!located?.header || located.header.path.join('.') !== [...base, key.name].join('.')) return null;
    const [inner] = isTable(value) ? Object.keys(value) : [];
    const rest = inner === undefined ? [element] : [element, inner];
    return swallowedKey(rest, key.name, document.position(located.header.offset).line, kind);
  };
  const walk = (table: Readonly<Record<string, unknown>>, prefix: readonly string[]): void => {
    for (const [name, value] of Object.entries(table)) {
      const path = [...prefix, name];
      const dotted = path.join('.');
      const key = KEYS[kind].get(dotted);
      const plain = prefix.length === 0 ? KEYS[kind].get(`${name}.${PLAIN_KEYS.get(name)}`) : undefined;
      const isGroup = prefix.length === 0 && GROUPS[kind].has(name);
      if (key?.kind.isTable && isTable(value)) {
        for (const [element, inner] of Object.entries(value)) add(key, [...path, element], element, inner);
      } else if (key) add(key, path, undefined, value);
      else if (isGroup && isTable(value)) walk(value, path);
      else if (plain) add(plain, path, undefined, value);
      else if (isGroup) problems.push(groupProblem(name, placeOf(path), kind));
      else if (isTable(value) && isFamiliarGroup(name, kind)) {
        for (const [inner, innerValue] of Object.entries(value))
          problems.push(unknown([...path, inner], innerValue));
      } else if (!isDefaults(path, value)) problems.push(unknown(path, value));
    }
  };
  const isDefaults = (path: readonly string[], value: unknown): boolean =>
    kind === 'global' && path.length === 1 && path[0] === 'defaults' && isTable(value);
  const unknown = (path: readonly string[], value: unknown): Problem => {
    const header = document.find([...base, ...path])?.header;
    const under = header && { path: header.path.map(String), line: document.position(header.offset).line };
    const answer = unknownKey(path, value, kind, base, under ?? null);
    return problem('CONFIG_UNKNOWN_KEY', placeOf(path), answer.message, {
      ...answer,
      key: tomlPath([...base, ...path]),
    });
  };

  walk(tableAt(document.data, base), []);
  return { said, problems };
}

function groupProblem(name: string, place: KeyPlace, kind: FileKind): Problem {
  const keys = [...KEYS[kind].keys()].filter(key => key.startsWith(`${name}.`));
  const parts = { key: name, allowed: keys.join(', '), remedy: `set one of ${keys.join(', ')}` };
  return problem('CONFIG_VALUE', place, `${name} is not a value, but the beginning of several keys`, parts);
}

function tableAt(
  data: Readonly<Record<string, unknown>>,
  base: readonly string[],
): Readonly<Record<string, unknown>> {
  const [name] = base;
  const inner = name === undefined ? data : data[name];
  return isTable(inner) ? inner : {};
}

export function isTable(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Date);
}
