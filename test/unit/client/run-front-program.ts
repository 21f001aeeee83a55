/** `runFront` as a process of its own: `run-front-program.ts POOL-AS-JSON ADDRESS`. */
import type { PoolTarget } from '../../../src/client/pool-target.ts';
import { runFront } from '../../../src/client/run-front.ts';
import { FpmError } from '../../../src/errors.ts';

try {
  const pool = JSON.parse(process.argv[2] ?? '') as PoolTarget;
  process.exitCode = await runFront(pool, { http: process.argv[3] ?? '' }, process);
} catch (error) {
  if (!(error instanceof FpmError)) throw error;
  process.stderr.write(`${error.code}: ${error.message}\n`);
  process.exitCode = error.exitCode;
}
