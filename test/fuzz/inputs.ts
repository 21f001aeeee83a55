/** The input with a number: the same for the same seed, whoever makes it and in whatever order. */
import { fixturePairs } from '../protocol/fixture-pairs.ts';
import { readCaptures } from './captures.ts';
import { inPieces, mutated } from './mutate.ts';
import { createRandom, oneIn, pick } from './random.ts';
import { type Outcome, TARGETS, Violation } from './targets.ts';

export type TargetName = keyof typeof TARGETS;

export interface Input {
  readonly target: TargetName;
  readonly bytes: Buffer;
  readonly pieces: readonly Buffer[];
}

const NAMES: readonly TargetName[] = ['fastcgi', 'fastcgi', 'scgi', 'cgi'];

const FIXTURES: Readonly<Record<TargetName, readonly string[]>> = {
  fastcgi: ['fastcgi-server'],
  scgi: ['scgi-server'],
  cgi: ['cgi-response', 'cgi-response-scgi'],
};

/** Captures and fixtures, the captures as often as the others together. */
function seedsOf(target: TargetName): Buffer[] {
  const captures = readCaptures().filter(({ protocol }) => protocol === target);
  const fixtures = FIXTURES[target].flatMap(kind => [
    ...fixturePairs(kind, 'valid'),
    ...fixturePairs(kind, 'invalid'),
  ]);
  const times = captures.length === 0 ? 0 : Math.ceil(fixtures.length / captures.length);
  const seeds = Array.from({ length: times }, () => captures).flat();
  return [...seeds, ...fixtures].map(({ bytes }) => bytes).filter(bytes => bytes.length > 0);
}

const SEEDS: Readonly<Record<TargetName, readonly Buffer[]>> = {
  fastcgi: seedsOf('fastcgi'),
  scgi: seedsOf('scgi'),
  cgi: seedsOf('cgi'),
};

/** @param only the one to be fuzzed; without it they take turns. */
export function makeInput(seed: number, index: number, only?: TargetName): Input {
  const random = createRandom(Math.imul(seed, 0x9e3779b1) ^ Math.imul(index + 1, 0x85ebca6b));
  const target = only ?? pick(random, NAMES);
  // Now and then the bytes of one protocol meet the reader of another.
  const from = oneIn(random, 50) ? pick(random, NAMES) : target;
  const bytes = mutated(random, SEEDS[from]);
  return { target, bytes, pieces: inPieces(random, bytes) };
}

/** @throws Violation, or whatever the reader threw that is no ProtocolError. */
export function checkInput({ target, bytes, pieces }: Input): Outcome {
  const run = TARGETS[target];
  const outcome = run(pieces);
  if (pieces.length === 1) return outcome;
  const whole = run([bytes]);
  if (whole.seen !== outcome.seen || whole.refused !== outcome.refused) {
    throw new Violation(`in pieces: ${JSON.stringify(outcome)}\nwhole: ${JSON.stringify(whole)}`);
  }
  return outcome;
}
