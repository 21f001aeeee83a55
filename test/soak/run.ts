/**
 * `npm run soak -- MINUTES [--seed N] [--only KIND,...] [--apart]`: exit code 1 when something was not as promised; the
 * seed then does the same operations again.
 */
import { parseArgs } from 'node:util';
import { aptLine, missingPrograms } from '../lib/needs.ts';
import { openPlace } from '../lib/place.ts';
import { KINDS, type Kind } from './operations.ts';
import { soak } from './soak.ts';

const HELP = [
  'npm run soak -- MINUTES [--seed N] [--only KIND,...] [--apart]',
  '',
  '  --seed N          the operations of an earlier run; else the time',
  `  --only KIND,...   of ${KINDS.join(', ')}`,
  '  --apart           one operation at a time',
].join('\n');

const EXIT_USAGE = 64;

async function main(): Promise<number> {
  const { values, positionals } = parseArgs({
    options: {
      help: { type: 'boolean', default: false },
      seed: { type: 'string', default: String(Date.now() % 2 ** 32) },
      only: { type: 'string', default: KINDS.join(',') },
      apart: { type: 'boolean', default: false },
    },
    allowPositionals: true,
  });
  const [minutes = Number.NaN] = positionals.map(Number);
  const seed = Number(values.seed);
  const only = values.only.split(',').filter((it): it is Kind => KINDS.some(kind => kind === it));
  const isUnderstood = minutes > 0 && Number.isInteger(seed) && only.length === values.only.split(',').length;
  if (values.help || !isUnderstood) {
    console.log(HELP);
    return values.help ? 0 : EXIT_USAGE;
  }
  const missing = missingPrograms(['nginx', 'gcc', 'php-cgi']);
  if (missing.length > 0) {
    console.error(aptLine(missing));
    return 1;
  }
  const place = openPlace('fpm-ts-soak-');
  const say = (line: string): void => console.log(line);
  try {
    const result = await Promise.race([
      soak(place, { seed, minutes, only, apart: values.apart, say }),
      interrupted,
    ]);
    const kinds = [...result.operations].map(([kind, count]) => `${count} x ${kind}`).join(', ');
    console.log(`seed ${seed}: passed; ${result.bursts} bursts, ${kinds}; ${result.requests} requests`);
    await place.close();
    return 0;
  } catch (error) {
    await place.close(true).catch((more: unknown) => console.error(more));
    console.error(`${error instanceof Error ? error.message : String(error)}\nkept for a look: ${place.dir}`);
    return 1;
  }
}

/** Rejects on Ctrl-C, so that what runs is ended before we are. */
const interrupted = new Promise<never>((_resolve, reject) => {
  for (const signal of ['SIGINT', 'SIGTERM'] as const)
    process.once(signal, () => reject(new Error(`ended by ${signal}`)));
});
interrupted.catch(() => {});

// After a failure a request may still wait for an answer that does not come.
process.exit(await main());
