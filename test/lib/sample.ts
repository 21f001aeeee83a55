/** Looks at something again and again while something else goes on. */
import { setTimeout as delay } from 'node:timers/promises';

/** Often enough to see a gap, and not so often that the looks are a load. */
const LOOK_EVERY_MS = 10;

/** Runs `work`, and `look` over and over until it has ended. @returns its result and everything that was seen */
export async function sampleDuring<T, S>(
  work: Promise<T>,
  look: () => Promise<S>,
): Promise<{ readonly result: T; readonly seen: readonly S[] }> {
  let isDone = false;
  const seen: S[] = [];
  const ended = work.finally(() => {
    isDone = true;
  });
  const looking = (async () => {
    while (!isDone) {
      seen.push(await look());
      await delay(LOOK_EVERY_MS);
    }
  })();
  const [result] = await Promise.all([ended, looking]);
  return { result, seen };
}
