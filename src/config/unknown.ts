/** A key that does not exist: which one was meant, and where it belongs. */
import { distance } from 'fastest-levenshtein';
import { isPhpFpmGroup, PHP_FPM_KEYS } from './php-fpm-keys.ts';
import { type FileKind, GROUPS, KEYS, PLAIN_KEYS } from './schema.ts';
import { tomlPath } from './toml/write.ts';

export interface UnknownKey {
  readonly message: string;
  /** The key that was meant. */
  readonly allowed: string | null;
  readonly remedy: string | null;
}

/** The table header under which a key stands, from the root of the file. */
export interface Under {
  readonly path: readonly string[];
  readonly line: number;
}

const OTHER: Readonly<Record<FileKind, FileKind>> = { global: 'pool', pool: 'global' };

/**
 * `path` is counted from `base`, which is [] or ['defaults']; `under` is the header that it stands under.
 * The answers are tried from the surest to the most general.
 */
export function unknownKey(
  path: readonly string[],
  value: unknown,
  kind: FileKind,
  base: readonly string[],
  under: Under | null,
): UnknownKey {
  const name = tomlPath(path);
  const nearest = nearestKey(name, kind);
  const message = `there is no such key${nearest === null ? '' : `; the nearest is ${nearest}`}`;
  const answer = (remedy: string | null, text = message): UnknownKey => ({
    message: text,
    allowed: nearest,
    remedy,
  });

  if (under) {
    const fileKind = base.length > 0 ? 'global' : kind;
    const rest = [...base, ...path].slice(under.path.length);
    const swallowed = swallowedKey(rest, under.path.join('.'), under.line, fileKind);
    if (swallowed) return swallowed;
  }
  const peer = PHP_FPM_KEYS.get(name);
  if (peer !== undefined) return answer(peer, 'php-fpm has this key; fpm-ts does not');
  if (isKnown(path, OTHER[kind])) return answer(elsewhere(name, kind, base));
  if (kind === 'pool' && path.length === 1 && base.length === 0 && isPoolTable(value)) {
    return answer(`a pool file has no [${name}] table: the pool's name is the name of its file`);
  }
  return answer(nearest === null ? `remove it: ${KEY_LISTS[kind]}` : `write: ${nearest} = ...`);
}

const KEY_LISTS: Readonly<Record<FileKind, string>> = {
  global: 'docs/configuration.md lists the keys of fpm-ts.toml',
  pool: 'docs/configuration.md lists the keys of a pool',
};

/** A group that is none in this kind of file, but whose keys we know from the other kind or from php-fpm. */
export function isFamiliarGroup(name: string, kind: FileKind): boolean {
  return GROUPS[OTHER[kind]].has(name) || isPhpFpmGroup(name);
}

/** A key of the file's root that a header above it made a key of its table; null when it is not one. */
export function swallowedKey(
  rest: readonly string[],
  header: string,
  line: number,
  kind: FileKind,
): (UnknownKey & { readonly key: string }) | null {
  const isRoot =
    isKnown(rest, kind) || (rest.length === 1 && kind === 'pool' && PLAIN_KEYS.has(rest[0] ?? ''));
  if (!isRoot) return null;
  const name = tomlPath(rest);
  return {
    key: `${header}.${name}`,
    message: `the header [${header}] on line ${line} makes this ${header}.${name}`,
    allowed: name,
    remedy: `to set ${name}, move the line above [${header}] on line ${line}`,
  };
}

function isKnown(path: readonly string[], kind: FileKind): boolean {
  const name = path.join('.');
  const isOpenTable = path.length > 1 && KEYS[kind].get(path[0] ?? '')?.kind.isTable;
  return (
    KEYS[kind].has(name) ||
    isOpenTable === true ||
    (path.length === 1 && kind === 'global' && name === 'defaults')
  );
}

function elsewhere(name: string, kind: FileKind, base: readonly string[]): string {
  if (kind === 'global')
    return `${name} is a key of a pool: set it in the pool's file, or under [defaults] for all pools`;
  if (base.length > 0) return `${name} is a key of fpm-ts.toml itself: move it above [defaults]`;
  return `${name} is a key of fpm-ts.toml, for all pools together: set it there`;
}

function isPoolTable(value: unknown): boolean {
  return (
    typeof value === 'object' &&
    value !== null &&
    Object.keys(value).some(name => KEYS.pool.has(name) || GROUPS.pool.has(name))
  );
}

/** The known key that is closest by edits, if it is close enough to be a slip of the hand. */
function nearestKey(name: string, kind: FileKind): string | null {
  const last = name.split('.').at(-1) ?? name;
  const ranked = [...KEYS[kind].keys()].map(key => {
    // Somebody who knows the key but not its group, or the group as a prefix, is close as well.
    const inner = key.split('.').at(-1) ?? key;
    const joined = distance(name.replaceAll(/[._-]/g, ''), key.replaceAll(/[._-]/g, ''));
    return { key, edits: Math.min(distance(name, key), joined + 0.5, distance(last, inner) + 1) };
  });
  ranked.sort((a, b) => a.edits - b.edits);
  const best = ranked[0];
  return best && best.edits <= Math.max(2, name.length / 3) ? best.key : null;
}
