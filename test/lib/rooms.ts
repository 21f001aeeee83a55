/**
 * Reads ARCHITECTURE.md's list of rooms and the imports of source files, and says which import goes up the
 * list. Works on text: the sources are formatted, so an import always looks the same.
 */
import { dirname, join } from 'node:path/posix';

/** Path below src/ -> source text. */
export type Sources = ReadonlyMap<string, string>;

export interface Import {
  readonly from: string;
  /** A path below src/ for our own files, otherwise the package as written. */
  readonly to: string;
  /** Erased by the compiler: nothing is loaded. */
  readonly typeOnly: boolean;
  /** Loaded when it is first needed, and not with the file. */
  readonly late: boolean;
}

/** The first column of the table under "Rooms", top first. */
export function readRooms(architecture: string): string[] {
  const section = architecture.split(/^## Rooms$/m)[1] ?? '';
  return [...section.matchAll(/^\| `([^`]+)` \|/gm)].map(match => (match[1] ?? '').replace(/\/$/, ''));
}

/** "keeper/spawn.ts" is in "keeper", "errors.ts" in itself. */
export function roomOf(path: string): string {
  return path.split('/')[0] ?? path;
}

const STATIC = /^(import|export)\s+(type\s+)?(?:[\w*{}\s,$]+?\s+from\s+)?'([^']+)'/gm;
const DYNAMIC = /\bimport\(\s*([^)]*?)\s*,?\s*\)/g;

export function importsOf(path: string, source: string): Import[] {
  const code = source.replace(/\/\*[\s\S]*?\*\//g, '').replace(/^\s*\/\/.*$/gm, '');
  const to = (specifier: string): string =>
    specifier.startsWith('.') ? join(dirname(path), specifier) : specifier;
  const fixed = [...code.matchAll(STATIC)].map(match => ({
    from: path,
    to: to(match[3] ?? ''),
    typeOnly: match[2] !== undefined,
    late: false,
  }));
  const dynamic = [...code.matchAll(DYNAMIC)].map(match => ({
    from: path,
    // What is computed cannot be checked, and shows up as a path that is in no room.
    to: /^'[^']*'$/.test(match[1] ?? '') ? to((match[1] ?? '').slice(1, -1)) : `./${match[1]}`,
    typeOnly: false,
    late: true,
  }));
  return [...fixed, ...dynamic];
}

const isOurs = (target: string): boolean => target.endsWith('.ts') || target.startsWith('.');

/** One line for each import that goes up, and for each file in no room of the list. */
export function upwardImports(sources: Sources, rooms: readonly string[]): string[] {
  const complaints: string[] = [];
  for (const [path, source] of sources) {
    const here = rooms.indexOf(roomOf(path));
    if (here === -1) complaints.push(`${path} is in no room of ARCHITECTURE.md`);
    for (const { to } of importsOf(path, source)) {
      if (!isOurs(to)) continue;
      const there = rooms.indexOf(roomOf(to));
      if (there === -1) complaints.push(`${path} imports ${to}, which is in no room`);
      else if (there < here) complaints.push(`${path} imports ${to}, which is above it`);
    }
  }
  return complaints;
}

/** Every file and package that is loaded, at once or later, when `entries` run: target -> the way there. */
export function loadedFrom(sources: Sources, entries: readonly string[]): Map<string, string[]> {
  const ways = new Map<string, string[]>(entries.map(entry => [entry, [entry]]));
  const queue = [...entries];
  for (let path = queue.shift(); path !== undefined; path = queue.shift()) {
    for (const { to, typeOnly } of importsOf(path, sources.get(path) ?? '')) {
      if (typeOnly || ways.has(to)) continue;
      ways.set(to, [...(ways.get(path) ?? []), to]);
      if (sources.has(to)) queue.push(to);
    }
  }
  return ways;
}
