/** `explain`: what was decided about a pool lately. */
import { command, type Output, poolName, type Z } from './command.ts';

const args = (z: Z) => z.strictObject({ pool: poolName(z) });

const result = (z: Z) =>
  z.strictObject({
    pool: poolName(z),
    decisions: z
      .array(
        z.strictObject({
          at: z.string().meta({ description: 'ISO 8601.' }),
          last_at: z.string().meta({ description: 'Of the last time in a row.' }),
          times: z.int(),
          what: z.string(),
          reasons: z.array(
            z.strictObject({
              code: z.string(),
              text: z.string(),
              numbers: z.record(z.string(), z.union([z.number(), z.string()])),
            }),
          ),
        }),
      )
      .meta({ description: 'The oldest first.' }),
  });

export type Explanation = Output<typeof result>;
export type ExplainedDecision = Explanation['decisions'][number];

export const explain = command({
  name: 'explain',
  method: 'GET',
  summary: 'Show what was decided about a pool lately, and why: the oldest first.',
  isForPoolUsers: true,
  mayBeRepeated: () => true,
  keeperCan: () => false,
  args,
  result,
  run: ({ pool }, service) => service.explain(service.pool(pool)),
  line: {
    arguments: [{ form: '<pool>', arg: 'pool' }],
    examples: ['fpm-ts explain www', 'fpm-ts --json explain www'],
  },
});
