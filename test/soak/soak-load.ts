/** Requests to every pool through nginx, all the time; each that fails is kept with its time, to be accounted for. */
import { get } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import type { Place } from '../lib/place.ts';
import type { SoakPool } from './soak-pools.ts';

/** Longer than any answer may take, a drain before it included. */
const LOST_AFTER_MS = 20_000;
const CLIENTS = 2;
/** One request in so many takes longer, so that every pool has something in hand when it is told to stop. */
const SLOW_EVERY = 10;
const SLOW_MS = 1200;

export interface FailedRequest {
  readonly n: number;
  readonly pool: string;
  readonly beginMs: number;
  readonly endMs: number;
  /** What came instead of the answer. */
  readonly what: string;
}

export interface SoakLoad {
  readonly sent: number;
  /** Those that have failed since the last call. */
  takeFailures(): readonly FailedRequest[];
  /** One request. @returns what came instead of the answer; undefined: it was right */
  ask(pool: string): Promise<string | undefined>;
  end(): Promise<void>;
}

/** Every so long a failure that nothing accounts for is soon seen; hence no seed: what comes when is the machine's. */
export function startSoakLoad(place: Place, url: string, pools: readonly SoakPool[]): SoakLoad {
  let sent = 0;
  let isEnding = false;
  let failures: FailedRequest[] = [];
  const ask = (pool: string): Promise<string | undefined> => {
    const n = ++sent;
    const delayMs = n % SLOW_EVERY === 0 ? `&delay_ms=${SLOW_MS}` : '';
    return request(`${url}/${pool}/?n=${n}${delayMs}`, n);
  };
  const client = async ({ name, pauseMs }: SoakPool): Promise<void> => {
    while (!isEnding) {
      const n = sent + 1;
      const beginMs = performance.now();
      const what = await ask(name);
      if (what !== undefined) failures.push({ n, pool: name, beginMs, endMs: performance.now(), what });
      for (let left = pauseMs * Math.random(); left > 0 && !isEnding; left -= 100)
        await delay(Math.min(left, 100));
    }
  };
  const all = Promise.all(pools.flatMap(pool => Array.from({ length: CLIENTS }, () => client(pool))));
  const end = async (): Promise<void> => {
    isEnding = true;
    await all;
  };
  place.defer(end);
  return {
    get sent() {
      return sent;
    },
    takeFailures() {
      const taken = failures;
      failures = [];
      return taken;
    },
    ask,
    end,
  };
}

function request(url: string, n: number): Promise<string | undefined> {
  const expected = new RegExp(`^\\d+ ${n}\\n$`);
  return new Promise(resolve => {
    const asking = get(url, { agent: false }, response => {
      let body = '';
      response.setEncoding('latin1');
      response.on('data', (chunk: string) => {
        body += chunk;
      });
      response.on('error', () => {}); // 'close' follows
      response.on('close', () => {
        if (response.statusCode !== 200) resolve(`status ${response.statusCode}`);
        else if (!response.complete) resolve('an answer cut short');
        else if (!expected.test(body)) resolve(`the body ${JSON.stringify(body.slice(0, 80))}`);
        else resolve(undefined);
      });
    });
    asking.setTimeout(LOST_AFTER_MS, () => asking.destroy(new Error(`no answer in ${LOST_AFTER_MS} ms`)));
    asking.on('error', error => resolve(error.message));
  });
}
