/** `pause`: the number of workers stays as it is. */
import { command, namedPools, poolName, type Z } from './command.ts';

const result = (z: Z) =>
  z.strictObject({
    paused: z.array(
      z.strictObject({
        pool: poolName(z),
        workers: z.int().meta({ description: 'The number that it keeps; a worker that exits is replaced.' }),
      }),
    ),
  });

export const pause = command({
  name: 'pause',
  method: 'POST',
  summary:
    'Keep the number of workers of a pool as it is: none is started or retired for its load until `resume`.',
  isForPoolUsers: false,
  mayBeRepeated: () => true,
  keeperCan: () => false,
  args: namedPools,
  result,
  run: async ({ pools }, service) => {
    const named = pools.map(name => service.pool(name));
    const sizes = await Promise.all(named.map(pool => pool.pause()));
    return { paused: named.map(({ name }, at) => ({ pool: name, workers: sizes[at] ?? 0 })) };
  },
  line: {
    arguments: [{ form: '<pools...>', arg: 'pools', help: 'running pools' }],
    notes: `While all workers are busy, clients wait in the queue of the socket.
A worker that exits is replaced. A reload replaces all workers, and the pool
stays paused. A stop ends the pause.`,
    examples: ['fpm-ts pause www', 'fpm-ts pause www api'],
  },
  text: ({ paused }) =>
    paused
      .map(
        ({ pool, workers }) =>
          `pool ${pool} is paused with ${workers} ${workers === 1 ? 'worker' : 'workers'} until \`fpm-ts resume ${pool}\``,
      )
      .join('\n'),
});
