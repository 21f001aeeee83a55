/** Load from wrk, on loopback. */
import { runCommand } from '../lib/command.ts';
import { type Answer, ask } from '../lib/http.ts';
import { until } from '../lib/poll.ts';

export interface LoadOptions {
  /** By default enough to keep every worker busy and a queue behind them. */
  readonly connections?: number;
  /** A Lua file that says what wrk sends; else it is a GET. */
  readonly wrkScript?: string | undefined;
}

export interface Load {
  readonly requests: number;
  readonly requestsPerSecond: number;
}

/** @throws when any answer was not 2xx or 3xx, or any connection failed */
export async function load(
  url: string,
  seconds: number,
  { connections = 32, wrkScript }: LoadOptions = {},
): Promise<Load> {
  const script = wrkScript === undefined ? [] : ['-s', wrkScript];
  const args = ['-t1', `-c${connections}`, `-d${seconds}s`, ...script, url];
  const result = await runCommand('wrk', args, { deadlineMs: (seconds + 30) * 1000 });
  const perSecond = /^Requests\/sec:\s+([\d.]+)/m.exec(result.stdout)?.[1];
  const requests = /(\d+) requests in /.exec(result.stdout)?.[1];
  if (
    result.code !== 0 ||
    perSecond === undefined ||
    requests === undefined ||
    /Non-2xx|Socket errors/.test(result.stdout)
  )
    throw new Error(`wrk ${args.join(' ')}: code ${result.code}\n${result.stdout}${result.stderr}`);
  return { requests: Number(requests), requestsPerSecond: Number(perSecond) };
}

/** A peer that was just started opens its socket a moment later: until then the web server says 502. */
export function untilAnswered(url: string): Promise<Answer> {
  return until(
    async () => {
      const answer = await ask(url);
      return answer.status === 502 ? undefined : answer;
    },
    { what: `an answer from ${url}` },
  );
}
