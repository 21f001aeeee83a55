/** A Perl program on FCGI.pm behind lighttpd's mod_fastcgi. */
import { placeFixture } from '../lib/fixtures.ts';
import { startLighttpd } from '../lib/lighttpd.ts';
import { suite } from '../lib/suite.ts';
import { deployUnix, runDirectory } from './deploy.ts';
import { testResponder } from './responder-steps.ts';

suite('contract/lighttpd-perl', { needs: ['lighttpd', 'FCGI.pm'] }, async scope => {
  const app = placeFixture(scope, 'perl');
  const deployment = await deployUnix(scope, 'perl', { '/srv/app': app });
  const lighttpd = await startLighttpd(scope, 'lighttpd-perl.conf', { '/run/fpm-ts': runDirectory(scope) });
  await testResponder(scope, deployment, `${lighttpd.url}/app/some/path`, 'perl');
});
