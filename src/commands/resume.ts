/** `resume`: the end of a pause. */
import { command, namedPools, poolNames, type Z } from './command.ts';

const result = (z: Z) => z.strictObject({ resumed: poolNames(z) });

export const resume = command({
  name: 'resume',
  method: 'POST',
  summary: 'End the pause of a pool: its number of workers follows its load again.',
  isForPoolUsers: false,
  mayBeRepeated: () => true,
  keeperCan: () => false,
  args: namedPools,
  result,
  run: async ({ pools }, service) => {
    const named = pools.map(name => service.pool(name));
    await Promise.all(named.map(pool => pool.resume()));
    return { resumed: pools };
  },
  line: {
    arguments: [{ form: '<pools...>', arg: 'pools', help: 'paused pools' }],
    examples: ['fpm-ts resume www', 'fpm-ts resume www api'],
  },
  text: ({ resumed }) => resumed.map(pool => `pool ${pool} is not paused any more`).join('\n'),
});
