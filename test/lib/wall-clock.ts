/** A wall clock for the daemon that a test sets as it likes; the host's is left alone, and so are all other clocks. */
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { compileFixture } from './compile.ts';
import type { Place } from './place.ts';

export interface WallClock {
  /** For the environment of the daemon. */
  readonly env: Readonly<Record<string, string>>;
  /** Sets it to so many seconds off the host's; below 0: back. */
  set(offsetSeconds: number): void;
}

export async function openWallClock(place: Place): Promise<WallClock> {
  const library = await compileFixture('wall-clock', ['-shared', '-fPIC']);
  const file = join(place.dir, 'wall-clock');
  // It is mapped: written over in place, never made anew.
  const set = (offsetSeconds: number): void => {
    const bytes = Buffer.alloc(8);
    bytes.writeBigInt64LE(BigInt(offsetSeconds));
    writeFileSync(file, bytes, { flag: existsSync(file) ? 'r+' : 'w' });
  };
  set(0);
  return { env: { LD_PRELOAD: library, WALL_CLOCK_OFFSET: file }, set };
}
