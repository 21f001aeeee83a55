/** The CGI host started by an ordinary user, where root runs the tests. */
import { assertNothingEscapes } from '../lib/cgi-escape.ts';
import { install } from '../lib/installed.ts';
import { suite } from '../lib/suite.ts';

const ORDINARY_UID = 23_456;

suite('root/cgi-ordinary', { root: true, needs: ['gcc', 'setpriv'] }, async scope => {
  const before = ['setpriv', `--reuid=${ORDINARY_UID}`, `--regid=${ORDINARY_UID}`, '--clear-groups'];
  await assertNothingEscapes(scope, { installed: install(scope), before });
});
