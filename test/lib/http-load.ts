/**
 * Load over HTTP that counts every request: so many clients, each with one connection that is kept, ask one after
 * another, and each answer must be the one to this very request (`storm.c` and `storm.php` answer "PID N").
 */
import { Agent, type ClientRequest, get } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import type { Place } from './place.ts';

/** Longer than any answer may take; whoever waits so long has been lost. */
const LOST_AFTER_MS = 20_000;

export interface HttpLoadOptions {
  readonly clients: number;
  /** Between an answer and the next request of the same client; 0 by default. */
  readonly pauseMs?: number;
  /** How long a worker is to take over a request; its own time by default. */
  readonly delayMs?: number;
}

export interface Failure {
  /** The number of the request. */
  readonly n: number;
  /** What came instead of the answer. */
  readonly what: string;
}

export interface HttpLoadResult {
  readonly sent: number;
  /** Answered with 200 and the right body, whole. */
  readonly verified: number;
  readonly failures: readonly Failure[];
}

export interface HttpLoad {
  /** So far. */
  result(): HttpLoadResult;
  /** Ends it when every request that was sent is answered or lost. Harmless twice. */
  end(): Promise<HttpLoadResult>;
}

export function startHttpLoad(place: Place, url: string, options: HttpLoadOptions): HttpLoad {
  const { clients, pauseMs = 0, delayMs } = options;
  const agent = new Agent({ keepAlive: true, maxSockets: clients });
  const failures: Failure[] = [];
  let sent = 0;
  let verified = 0;
  let isEnding = false;
  const client = async (): Promise<void> => {
    while (!isEnding) {
      const n = ++sent;
      const what = await askOnce(
        agent,
        `${url}/?n=${n}${delayMs === undefined ? '' : `&delay_ms=${delayMs}`}`,
        n,
      );
      if (what === undefined) verified++;
      else failures.push({ n, what });
      if (pauseMs > 0) await delay(pauseMs);
    }
  };
  const all = Promise.all(Array.from({ length: clients }, client));
  const result = (): HttpLoadResult => ({ sent, verified, failures: [...failures] });
  const end = async (): Promise<HttpLoadResult> => {
    isEnding = true;
    await all;
    agent.destroy();
    return result();
  };
  place.defer(async () => void (await end()));
  return { result, end };
}

/** So many requests at once, each over a connection of its own, once. @returns also the seconds until the last answer */
export async function burst(
  url: string,
  requests: number,
  delayMs: number,
): Promise<HttpLoadResult & { readonly seconds: number }> {
  const agent = new Agent({ maxSockets: requests });
  const sinceMs = performance.now();
  const answers = await Promise.all(
    Array.from({ length: requests }, async (_, n) => ({
      n,
      what: await askOnce(agent, `${url}/?n=${n}&delay_ms=${delayMs}`, n),
    })),
  );
  const seconds = (performance.now() - sinceMs) / 1000;
  agent.destroy();
  const failures = answers.flatMap(({ n, what }) => (what === undefined ? [] : [{ n, what }]));
  return { sent: requests, verified: requests - failures.length, failures, seconds };
}

/** What is wrong with the answer; undefined when it is right. */
function askOnce(agent: Agent, url: string, n: number): Promise<string | undefined> {
  const expected = new RegExp(`^\\d+ ${n}\\n$`);
  return new Promise(resolve => {
    const request: ClientRequest = get(url, { agent }, response => {
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
    request.setTimeout(LOST_AFTER_MS, () => request.destroy(new Error(`no answer in ${LOST_AFTER_MS} ms`)));
    request.on('error', error => resolve(error.message));
  });
}
