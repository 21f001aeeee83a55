/** The load on many pools as whoever measures sees it: `pools-client.ts`, told what to do and asked what came of it. */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import type { Place } from '../lib/place.ts';

export type ClientCommand =
  | { readonly do: 'open'; readonly ports: readonly number[]; readonly script: string | null }
  | { readonly do: 'ask' }
  | { readonly do: 'run'; readonly perSecond: number }
  | { readonly do: 'pause' };

/** Since the client was started. */
export interface ClientResult {
  readonly sent: number;
  readonly verified: number;
  /** The sum of the workers' own counts. */
  readonly counted: number;
  readonly workers: number;
  /** What came instead of an answer -> how often. */
  readonly failures: Readonly<Record<string, number>>;
}

/** Each answers when it is done. */
export type PoolsLoad = (command: ClientCommand) => Promise<ClientResult>;

export async function startPoolsLoad(
  place: Place,
  ports: readonly number[],
  script: string | null,
): Promise<PoolsLoad> {
  const child = fork(join(import.meta.dirname, 'pools-client.ts'), { execArgv: ['--import', 'tsx'] });
  const exited = once(child, 'exit');
  place.defer(async () => {
    child.kill('SIGKILL');
    await exited;
  });
  const load: PoolsLoad = async command => {
    const answer = once(child, 'message');
    child.send(command);
    const [result] = (await Promise.race([answer, exited.then(refuse)])) as [ClientResult];
    return result;
  };
  await load({ do: 'open', ports, script });
  return load;
}

function refuse(): never {
  throw new Error('the load has ended by itself');
}

/** A sentence when something is missing; null: everything that was sent was answered and counted. */
export function complaintOf({ sent, verified, counted, failures }: ClientResult): string | null {
  if (sent === verified && verified === counted) return null;
  const kinds = Object.entries(failures).map(([what, count]) => `${count} x ${what}`);
  return `${sent} sent, ${verified} verified, ${counted} counted by the workers (${kinds.join(', ')})`;
}
