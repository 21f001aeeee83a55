/** Scripts and links that are exchanged between the check and the run: what runs is what was checked. */
import { assertNothingEscapes } from '../lib/cgi-escape.ts';
import { suite } from '../lib/suite.ts';

suite('integration/cgi-links', { needs: ['gcc'] }, async scope => {
  await assertNothingEscapes(scope);
});
