/** `fpm-ts takeover`: the progress, and what is left of the other program. */
import type { TakeoverResult } from '../commands/takeover.ts';
import { oneLine } from '../printable.ts';

export function takeoverText(result: TakeoverResult): string {
  const { pool, address, program, workers, left, notices, advice } = result;
  return [
    ...notices,
    `pool ${pool} serves ${address} with ${workers} ${workers === 1 ? 'worker' : 'workers'}; ${program} gets nothing new`,
    ...left.map(it => `  pid ${it.pid} (${oneLine(it.command)}) ${inHand(it.connections)}`),
    ...(left.length === 0 ? ['nothing is left of the old program'] : advice),
  ].join('\n');
}

function inHand(connections: number | null): string {
  if (connections === null) return 'has the old socket; what it has in hand is not seen';
  if (connections === 0) return 'has nothing in hand';
  return `has ${connections === 1 ? 'a connection' : `${connections} connections`} in hand, which it finishes`;
}
