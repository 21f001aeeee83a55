/** Requests one after another from several clients, until told to end; every failure is kept. */
import { setTimeout as delay } from 'node:timers/promises';
import type { ConnectAddress } from '../../src/client/pool-target.ts';
import { askPool } from './ask-pool.ts';
import type { Place } from './place.ts';
import { until } from './poll.ts';

export interface Load {
  /** Answers so far. */
  answered(): number;
  /** Waits until so many more answers have come. */
  more(count: number): Promise<void>;
  /** Ends it when the requests in hand are answered. @returns the failures, as text */
  end(): Promise<readonly string[]>;
}

/**
 * @param isRight whether the body is what the program answers
 * @param pauseMs what each client waits between an answer and its next request: idle moments of the pool
 */
export function startLoad(
  place: Place,
  address: ConnectAddress,
  clients: number,
  isRight: (body: string) => boolean,
  pauseMs = 0,
): Load {
  const failures: string[] = [];
  let answered = 0;
  let isEnding = false;
  const client = async (): Promise<void> => {
    while (!isEnding) {
      try {
        const body = await askPool(address);
        if (isRight(body)) answered++;
        else failures.push(`answered ${JSON.stringify(body)}`);
      } catch (error) {
        failures.push(String(error));
      }
      if (pauseMs > 0) await delay(pauseMs);
    }
  };
  const all = Promise.all(Array.from({ length: clients }, client));
  const end = async (): Promise<readonly string[]> => {
    isEnding = true;
    await all;
    return failures;
  };
  place.defer(async () => void (await end()));
  return {
    answered: () => answered,
    async more(count) {
      const wanted = answered + count;
      await until(() => answered >= wanted || failures.length > 0, { what: `${count} more answers` });
    },
    end,
  };
}
