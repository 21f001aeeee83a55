/** Where each value of the effective configuration was said, for messages and for `config --origin`. */

/** `default`: nobody said it, and the place is the file that could have. */
export type Via = 'file' | 'extends' | 'defaults' | 'default';

export interface KeyPlace {
  readonly file: string;
  /** From 1; null when the key is nowhere said. */
  readonly line: number | null;
  /** From 1; null when the key is nowhere said. */
  readonly column: number | null;
  readonly via: Via;
}

/** Places by key, and by key and element (an index of a list, a name of a table). */
export type PlaceMap = ReadonlyMap<string, KeyPlace>;

/** The key of a `PlaceMap`. No dotted key has a NUL in it. */
export function placeKey(key: string, element?: string | number): string {
  return element === undefined ? key : `${key}\0${element}`;
}

export class Sources {
  /** Every file that was read, pool files, templates and env files included. */
  readonly files: readonly string[];
  /** Of these, fpm-ts.toml, pool files and templates. */
  readonly documents: readonly string[];
  readonly #main: string;
  readonly #global: PlaceMap;
  readonly #pools: ReadonlyMap<string, { readonly file: string; readonly places: PlaceMap }>;

  constructor(
    main: string | null,
    global: PlaceMap,
    pools: ReadonlyMap<string, { readonly file: string; readonly places: PlaceMap }>,
    { read, documents }: { readonly read: readonly string[]; readonly documents: readonly string[] },
  ) {
    this.#main = main ?? '(no configuration file)';
    this.#global = global;
    this.#pools = pools;
    this.files = read;
    this.documents = documents;
  }

  /**
   * Where a key was said. `pool` null means fpm-ts.toml. `element` narrows it to an item of a list
   * (`'command', 0`) or a name of a table (`'env', 'PATH'`); when that is unknown, the key's own place.
   */
  place(pool: string | null, key: string, element?: string | number): KeyPlace {
    const entry = pool === null ? { file: this.#main, places: this.#global } : this.#pools.get(pool);
    const said = entry?.places.get(placeKey(key, element)) ?? entry?.places.get(key);
    return said ?? { file: entry?.file ?? this.#main, line: null, column: null, via: 'default' };
  }
}
