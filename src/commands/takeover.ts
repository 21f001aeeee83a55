/** `takeover`: a pool takes its address from another program. */
import { command, type Output, poolName, wholeNumber, type Z } from './command.ts';

const HIGHEST_PID = 2 ** 31 - 1;

const args = (z: Z) =>
  z.strictObject({
    pool: poolName(z),
    pid: z.int().min(1).max(HIGHEST_PID).meta({ description: 'Of the program that listens there.' }),
  });

const result = (z: Z) =>
  z.strictObject({
    pool: poolName(z),
    address: z.string(),
    program: z.string().meta({ description: 'Who listened there before: `pid 12 (php-cgi)`.' }),
    workers: z.int(),
    drained: z.boolean().meta({ description: 'That program has no request in hand any more.' }),
    left: z
      .array(z.strictObject({ pid: z.int(), command: z.string(), connections: z.number().nullable() }))
      .meta({ description: 'Who still has the old socket, at which nothing new arrives.' }),
    advice: z.array(z.string()).meta({ description: 'How they are stopped for good.' }),
    notices: z.array(z.string()),
  });

export type TakeoverArgs = Output<typeof args>;
export type TakeoverResult = Output<typeof result>;

export const takeover = command({
  name: 'takeover',
  method: 'POST',
  summary:
    'Let a pool of the configuration take its address from another program that listens there: workers come up beside it, then clients reach them, and the other program finishes what it has.',
  http: 'Answers when that is done.',
  isForPoolUsers: false,
  mayBeRepeated: () => false,
  keeperCan: () => false,
  args,
  result,
  run: (asked, service) => service.takeOver(asked),
  line: {
    arguments: [{ form: '<pool>', arg: 'pool' }],
    options: [
      {
        flags: '--pid <pid>',
        arg: 'pid',
        isRequired: true,
        help: 'the program that listens, or a parent of it',
        value: wholeNumber(1, HIGHEST_PID, 'the number of a process,'),
      },
    ],
    examples: ['fpm-ts takeover --pid 1234 www'],
  },
});
