/** Looks at something again and again while something else goes on. */
import { setImmediate as turn } from 'node:timers/promises';

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
      await turn();
    }
  })();
  const [result] = await Promise.all([ended, looking]);
  return { result, seen };
}
