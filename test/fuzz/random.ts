/** Random numbers that are the same for the same seed, on every machine. */

/** The next one of 32 bits. */
export type Random = () => number;

/** Mulberry32: small, quick, and good enough to choose what to break. */
export function createRandom(seed: number): Random {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return (mixed ^ (mixed >>> 14)) >>> 0;
  };
}

/** One of the numbers from 0 to `below` - 1. */
export function pickNumber(random: Random, below: number): number {
  return Math.floor((random() / 0x1_0000_0000) * below);
}

/** @throws RangeError when there is nothing to pick from. */
export function pick<T>(random: Random, from: readonly T[]): T {
  const picked = from[pickNumber(random, from.length)];
  if (picked === undefined) throw new RangeError('nothing to pick from');
  return picked;
}

/** True once in `times` on average. */
export function oneIn(random: Random, times: number): boolean {
  return pickNumber(random, times) === 0;
}
