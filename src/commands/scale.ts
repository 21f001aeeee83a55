/** `scale`: another number of workers until the next reload. */
import { command, type Output, poolName, wholeNumber, type Z } from './command.ts';

const MOST_WORKERS = 100_000;

const args = (z: Z) =>
  z.strictObject({
    pool: poolName(z),
    workers: z.int().min(0).max(MOST_WORKERS),
    force: z.boolean().optional().meta({ description: 'Also above pm.max_children.' }),
  });

const result = (z: Z) =>
  z.strictObject({
    pool: poolName(z),
    workers: z.int().min(0).max(MOST_WORKERS),
    notice: z.string().optional().meta({
      description:
        'Above pm.max_children: the memory that so many workers take, by what the present ones use.',
    }),
  });

export type ScaleArgs = Output<typeof args>;
export type ScaleResult = Output<typeof result>;

export const scale = command({
  name: 'scale',
  method: 'POST',
  summary: 'Give a pool another number of workers, until the next reload.',
  isForPoolUsers: false,
  mayBeRepeated: () => true,
  keeperCan: () => false,
  args,
  result,
  run: (asked, service) => service.scale(service.pool(asked.pool), asked),
  line: {
    arguments: [
      { form: '<pool>', arg: 'pool' },
      { form: '<workers>', arg: 'workers', help: 'how many', value: wholeNumber(0, MOST_WORKERS) },
    ],
    options: [{ flags: '--force', arg: 'force', help: 'also above pm.max_children' }],
    examples: ['fpm-ts scale www 8', 'fpm-ts scale --force www 100'],
  },
  text: ({ pool, workers, notice }) =>
    `pool ${pool} is scaled to ${workers} until the next reload${notice === undefined ? '' : `\n${notice}`}`,
});
