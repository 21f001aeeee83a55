/** A minute of `npm run soak` with one seed: commands that meet, deaths, and load, on the real daemon behind nginx. */

import { suite } from '../lib/suite.ts';
import { KINDS } from '../soak/operations.ts';
import { soak } from '../soak/soak.ts';

const SEED = 22;

suite('chaos/soak', { needs: ['nginx', 'gcc', 'php-cgi'], timeoutMs: 300_000 }, async scope => {
  await scope.test(`a minute, seed ${SEED}`, async () => {
    await soak(scope, {
      seed: SEED,
      minutes: 1,
      only: KINDS,
      apart: false,
      say: line => scope.diagnostic(line),
    });
  });
});
