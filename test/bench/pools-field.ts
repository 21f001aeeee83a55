/** Many pools of one contestant, as they are measured: what can be done to them, and when it is over. */
import type { Place } from '../lib/place.ts';
import { until } from '../lib/poll.ts';

/** Whatever takes longer is not waited for. */
export const DEADLINE_MS = 240_000;

/** The looks at /proc while something is under way; the times are as exact as this. */
export const LOOK_EVERY_MS = 50;

export interface Shape {
  readonly pools: number;
  readonly workers: number;
  readonly mode: 'static' | 'dynamic';
}

export interface Field {
  readonly ports: readonly number[];
  /** The file that each request names; null: the program needs none. */
  readonly script: string | null;
  /** Starts the daemon, and waits for nothing. @returns its pid */
  start(): Promise<number>;
  assertRunning(): void;
  /** Those that cost something while nothing is to be done. */
  managers(): readonly number[];
  /** Its own children that are workers, without a look at each. */
  workers(): number[];
  /** Tells it to give every pool new workers; resolves when it says that it has, if it says so. */
  reload(): Promise<void>;
  /** Resolves when daemon and workers are gone. */
  stop(now: boolean): Promise<void>;
  /** Called when all workers accept, before anything else is done. */
  settled(): Promise<void>;
}

/** What only fpm-ts can have done to it; each resolves when all is as it was before. */
export interface Mortal extends Field {
  killSupervisor(): Promise<void>;
  killKeeper(): Promise<void>;
  upgrade(): Promise<void>;
}

export interface Contestant<F extends Field = Field> {
  readonly name: string;
  readonly open: (place: Place, shape: Shape) => Promise<F>;
}

export class TooLate extends Error {
  constructor() {
    super(`not within ${DEADLINE_MS / 1000} s`);
  }
}

/** @throws TooLate */
export async function untilDone(
  look: () => boolean | Promise<boolean>,
  everyMs = LOOK_EVERY_MS,
): Promise<void> {
  const endMs = performance.now() + DEADLINE_MS;
  const isOver = async (): Promise<boolean> => {
    if (await look()) return true;
    if (performance.now() > endMs) throw new TooLate();
    return false;
  };
  await until(isOver, { what: 'the end', deadlineMs: 2 * DEADLINE_MS, everyMs });
}
