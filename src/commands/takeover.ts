/** `takeover`: a pool takes its address from another program. */
import { command, type Output, poolName, wholeNumber, type Z } from './command.ts';

const HIGHEST_PID = 2 ** 31 - 1;

const args = (z: Z) =>
  z.strictObject({
    pool: poolName(z),
    pid: z.int().min(1).max(HIGHEST_PID).meta({ description: 'The program that listens there.' }),
  });

const result = (z: Z) =>
  z.strictObject({
    pool: poolName(z),
    address: z.string(),
    program: z.string().meta({ description: 'The program that listened there before: `pid 12 (php-cgi)`.' }),
    workers: z.int(),
    drained: z.boolean().meta({ description: 'That program has no request in flight any more.' }),
    left: z
      .array(z.strictObject({ pid: z.int(), command: z.string(), connections: z.number().nullable() }))
      .meta({ description: 'Processes that still have the old socket, which gets no new connections.' }),
    advice: z.array(z.string()).meta({ description: 'How to stop them permanently.' }),
    notices: z.array(z.string()),
  });

export type TakeoverArgs = Output<typeof args>;
export type TakeoverResult = Output<typeof result>;

export const takeover = command({
  name: 'takeover',
  method: 'POST',
  summary:
    'Let a pool take its address from another program that listens there. The workers start beside that program; when they are ready, new clients reach them, and the program finishes its requests.',
  http: 'Answers when the workers serve and that program has finished, at most after process_control_timeout.',
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
