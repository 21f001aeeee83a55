/**
 * `process.max` over all pools, as a pure function: what each pool cannot do without comes first, the rest is dealt
 * max-min fairly (water-filling: who wants little gets it, the others get equally much). A pool that grew beyond its
 * share while nobody else asked gives workers back when others need them for theirs.
 */

export interface Claim {
  /** What it cannot do without, what it calls for now, and at the peak of its last process_idle_timeout (not less). */
  readonly minimum: number;
  readonly wanted: number;
  readonly wantedAtPeak: number;
  /** Workers that stay, those that start included. */
  readonly present: number;
  /** Workers on their way out: they count until they are gone. */
  readonly leaving: number;
}

/**
 * @param max workers over all pools
 * @returns for each claim how many more it may start; below 0: how many of its workers others need
 */
export function share(max: number, claims: readonly Claim[]): number[] {
  const targets = targetsOf(max, claims);
  const needs = claims.map(({ wanted, present }, index) =>
    Math.max(0, Math.min(wanted, targets[index] ?? 0) - present),
  );
  const surpluses = claims.map(({ present }, index) => Math.max(0, present - (targets[index] ?? 0)));
  const present = sum(claims.map(claim => claim.present));
  const leaving = sum(claims.map(claim => claim.leaving));
  const grants = fill(max - present - leaving, needs);
  // Places of those that are leaving will be free soon: nobody else has to go for them.
  const returns = fill(present + sum(needs) - max, surpluses);
  return claims.map((_, index) => (grants[index] ?? 0) - (returns[index] ?? 0));
}

/** By the peaks, so that a pool does not lose between two bursts what it has to win back in the next. */
function targetsOf(max: number, claims: readonly Claim[]): number[] {
  const minima = fill(
    max,
    claims.map(({ minimum }) => minimum),
  );
  const beyond = fill(
    max - sum(minima),
    claims.map(({ minimum, wantedAtPeak }) => Math.max(0, wantedAtPeak - minimum)),
  );
  return minima.map((minimum, index) => minimum + (beyond[index] ?? 0));
}

/** Deals `amount` so that nobody gets more than asked for, and nobody less than another who got more. */
function fill(amount: number, wants: readonly number[]): number[] {
  const given = wants.map(() => 0);
  const smallestFirst = wants.map((want, index) => ({ want, index })).sort((a, b) => a.want - b.want);
  let left = Math.max(0, amount);
  for (const [done, { want, index }] of smallestFirst.entries()) {
    const part = Math.min(want, Math.floor(left / (wants.length - done)));
    given[index] = part;
    left -= part;
  }
  return given;
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}
