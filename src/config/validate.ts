/** The schema's verdict on what was said, as problems with places. */
import type * as z from 'zod';
import { keyName, toTree } from './effective.ts';
import { type Problem, problem } from './problems.ts';
import type { Said, SaidMap } from './said.ts';
import {
  type FileKind,
  type GlobalKeys,
  globalSchema,
  KEYS,
  type KeyInfo,
  type PoolKeys,
  poolSchema,
} from './schema.ts';
import { placeKey } from './sources.ts';
import { remedyFor } from './suggest.ts';
import { type TomlValue, tomlValue } from './toml/write.ts';

export interface Validated<Keys> {
  /**
   * What can be said although there are problems: a broken key is as if it were not there, a required one
   * has some value. So that the rules between keys find their mistakes in the same run.
   */
  readonly keys: Keys;
  /** Keys whose value is not the user's: whatever is concluded from them is worth nothing. */
  readonly broken: ReadonlySet<string>;
  readonly problems: readonly Problem[];
}

/** `file` is where a required key that nobody says belongs. */
export function validatePool(said: SaidMap, file: string): Validated<PoolKeys> {
  return validate(poolSchema, said, 'pool', file);
}

export function validateGlobal(said: SaidMap, file: string): Validated<GlobalKeys> {
  return validate(globalSchema, said, 'global', file);
}

function validate<T>(schema: z.ZodType<T>, said: SaidMap, kind: FileKind, file: string): Validated<T> {
  const result = schema.safeParse(toTree(said));
  if (result.success) return { keys: result.data, broken: new Set(), problems: [] };
  const issues = result.error.issues;
  const broken = new Set(issues.map(issue => keyAt(issue, kind).name));
  const kept = [...said].filter(([, it]) => !broken.has(it.key.name));
  const tree = toTree(new Map([...standIns(kind, broken), ...kept]));
  const problems = issues.map(issue => explain(issue, said, kind, file));
  return { keys: schema.parse(tree), broken, problems };
}

function standIns(kind: FileKind, broken: ReadonlySet<string>): [string, Said][] {
  const place = { file: '', line: null, column: null, via: 'default' } as const;
  return [...KEYS[kind].values()].flatMap(key => {
    const { standIn: value } = key.meta;
    if (value === undefined || !broken.has(key.name)) return [];
    return [[key.name, { key, element: undefined, value, place, token: '', items: [] }]];
  });
}

function explain(issue: z.core.$ZodIssue, said: SaidMap, kind: FileKind, file: string): Problem {
  const key = keyAt(issue, kind);
  const [part] = issue.path.slice(key.path.length);
  const it = said.get(placeKey(key.name, typeof part === 'string' ? part : undefined)) ?? said.get(key.name);
  if (!it) return required(key, file);
  const at = typeof part === 'number' ? part : undefined;
  const value = at !== undefined && Array.isArray(it.value) ? it.value[at] : it.value;
  const found = describe(value, it, at !== undefined);
  const name = at === undefined ? keyName(it) : `${keyName(it)}[${at}]`;
  const place = (at === undefined ? undefined : it.items[at]) ?? it.place;
  const parts = { key: name, found, allowed: key.meta.allowed, remedy: remedyOf(issue, key, it, part) };
  return problem('CONFIG_VALUE', place, message(issue, found, key), parts);
}

function message(issue: z.core.$ZodIssue, found: string, key: KeyInfo): string {
  if (issue.code === 'invalid_key') return issue.issues[0]?.message ?? issue.message;
  if (issue.code === 'custom' && issue.message !== 'Invalid input') return `found ${found}: ${issue.message}`;
  return `found ${found}; allowed: ${key.meta.allowed}`;
}

function remedyOf(issue: z.core.$ZodIssue, key: KeyInfo, it: Said, part: PropertyKey | undefined): string {
  const own: unknown = issue.code === 'custom' ? issue.params?.remedy : undefined;
  if (typeof own === 'string') return own;
  if (issue.code === 'invalid_key') return 'remove it, or give it another name';
  if (part !== undefined) return `write ${key.meta.allowed}`;
  return remedyFor(key, it.value, it.token);
}

/** One that must be set by whoever writes a pool; line 1, since it may go anywhere at the top. */
export function required(key: KeyInfo, file: string, why = 'must be set'): Problem {
  const parts = {
    key: key.name,
    allowed: key.meta.allowed,
    remedy: `add ${key.name} = ${key.meta.example ?? '...'}`,
  };
  return problem('CONFIG_REQUIRED', { file, line: 1, column: 1 }, why, parts);
}

/** The key whose path the issue's path begins with; unknown keys have been sorted out before. */
function keyAt(issue: z.core.$ZodIssue, kind: FileKind): KeyInfo {
  for (let length = issue.path.length; length > 0; length--) {
    const key = KEYS[kind].get(issue.path.slice(0, length).map(String).join('.'));
    if (key) return key;
  }
  throw new Error(`the schema complains of no key: ${issue.path.join('.')}: ${issue.message}`);
}

const FOUND_MAX_CHARS = 80;

function describe(value: unknown, it: Said, isItem: boolean): string {
  if (typeof value === 'string') return cut(tomlValue(value));
  if (Array.isArray(value)) return value.every(isPlainValue) ? cut(tomlValue(value)) : 'a list';
  if (typeof value === 'object' && value !== null && !(value instanceof Date)) return 'a table';
  return isItem || it.token === '' ? String(value) : it.token;
}

function isPlainValue(value: unknown): value is TomlValue {
  return ['string', 'number', 'boolean'].includes(typeof value);
}

function cut(text: string): string {
  return text.length <= FOUND_MAX_CHARS ? text : `${text.slice(0, FOUND_MAX_CHARS)}...`;
}
