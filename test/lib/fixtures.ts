/** Fixture programs, copied beside the test: a clone under /root cannot be entered by a worker's user. */
import { chmodSync, cpSync, mkdirSync } from 'node:fs';
import { basename, join } from 'node:path';
import { FIXTURES } from './paths.ts';
import type { Place } from './place.ts';

/** Copies a file or folder of test/fixtures into the directory of a suite or a benchmark and returns its new path. */
export function placeFixture(place: Place, path: string): string {
  const directory = join(place.dir, 'fixtures');
  mkdirSync(directory, { recursive: true, mode: 0o755 });
  const target = join(directory, basename(path));
  cpSync(join(FIXTURES, path), target, { recursive: true });
  chmodSync(target, 0o755);
  return target;
}
