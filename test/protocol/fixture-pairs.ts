/** Fixtures as file pairs: bytes in NAME.bin, what they mean in NAME.json; invalid ones name the error's code. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

export interface FixturePair {
  readonly name: string;
  readonly bytes: Buffer;
  readonly expected: unknown;
}

const ROOT = join(import.meta.dirname, 'fixtures');

/** Bytes stand in the JSON as Latin-1. @throws when there is none, which would make a test that cannot fail. */
export function fixturePairs(kind: string, verdict: 'valid' | 'invalid'): FixturePair[] {
  const folder = join(ROOT, kind, verdict);
  const names = readdirSync(folder).filter(name => name.endsWith('.bin'));
  if (names.length === 0) throw new Error(`no fixtures in ${folder}`);
  return names.sort().map(name => ({
    name: name.slice(0, -'.bin'.length),
    bytes: readFileSync(join(folder, name)),
    expected: JSON.parse(readFileSync(join(folder, name.replace(/\.bin$/, '.json')), 'utf8')),
  }));
}

/** The kinds that have fixtures, so that none is left untested. */
export function fixtureKinds(): string[] {
  return readdirSync(ROOT).sort();
}

/** Every byte by itself: the split that finds most. */
export function singleBytes(bytes: Buffer): Buffer[] {
  return Array.from(bytes, byte => Buffer.of(byte));
}

/** Cuts bytes at the given places, which may repeat or lie outside. */
export function cutAt(bytes: Buffer, places: readonly number[]): Buffer[] {
  const cuts = [0, ...places.map(place => place % (bytes.length + 1)), bytes.length].sort((a, b) => a - b);
  return cuts.slice(1).map((cut, index) => bytes.subarray(cuts[index], cut));
}
