/** Whether the configuration on disk is still what was loaded: by the files' identity, size and time of change. */

import { readdirSync, statSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import type { GlobalConfig } from '../config/types.ts';
import type { Keeper } from '../keeper/client.ts';

/** Path to what it was when it was read; null: it could not be read. */
type Fingerprints = Readonly<Record<string, string | null>>;

type IncludingFile = Pick<GlobalConfig, 'file' | 'include'>;

interface Remembered {
  readonly files: Fingerprints;
  /** Absolute. */
  readonly include: readonly string[];
}

export class ConfigFiles {
  readonly #keeper: Keeper;
  #remembered: Remembered = { files: {}, include: [] };

  constructor(keeper: Keeper) {
    this.#keeper = keeper;
  }

  /** These have just been read. `include` is what `file` says. */
  remember(paths: readonly string[], { file, include: patterns }: IncludingFile): void {
    const include = patterns.map(pattern => resolve(dirname(file ?? '/'), pattern));
    this.#remembered = { files: fingerprints([...paths, ...included(include)]), include };
    this.#keeper.post('note', { name: 'files', text: JSON.stringify(this.#remembered) });
  }

  /** What an earlier supervisor had read. */
  restore(note: string | undefined): void {
    if (note !== undefined) this.#remembered = JSON.parse(note) as Remembered;
  }

  /** @param paths only of these */
  areChanged(paths?: readonly string[]): boolean {
    const { files, include } = this.#remembered;
    const now = fingerprints(paths ?? [...Object.keys(files), ...included(include)]);
    return Object.keys(now).some(path => now[path] !== files[path]);
  }
}

function fingerprints(paths: readonly string[]): Fingerprints {
  return Object.fromEntries(paths.map(path => [path, fingerprint(path)]));
}

function fingerprint(path: string): string | null {
  try {
    const stat = statSync(path, { bigint: true });
    return `${stat.dev}:${stat.ino}:${stat.size}:${stat.mtimeNs}`;
  } catch {
    return null; // gone, a link that leads nowhere or to itself, in a directory that was closed
  }
}

/** TOML files beside those that `include` names: a new one may be a new pool. */
function included(patterns: readonly string[]): string[] {
  return patterns.flatMap(pattern => {
    const directory = dirname(pattern);
    try {
      return readdirSync(directory)
        .filter(name => name.endsWith('.toml') && !name.startsWith('.'))
        .map(name => join(directory, name));
    } catch {
      return []; // a pattern over several directories: only the files that were read are watched
    }
  });
}
