/** SCGI programs in Python and in Perl behind nginx's scgi_pass and lighttpd's mod_scgi. */
import { placeFixture } from '../lib/fixtures.ts';
import { startLighttpd } from '../lib/lighttpd.ts';
import { startNginx } from '../lib/nginx.ts';
import { suite } from '../lib/suite.ts';
import { deployUnix, runDirectory } from './deploy.ts';
import { testResponder } from './responder-steps.ts';

suite('contract/nginx-scgi', { needs: ['nginx', 'python3'] }, async scope => {
  const app = placeFixture(scope, 'python');
  const deployment = await deployUnix(scope, 'scgi', { '/srv/app': app });
  const nginx = await startNginx(scope, 'nginx-scgi.conf', { '/run/fpm-ts': runDirectory(scope) });
  await testResponder(scope, deployment, `${nginx.url}/some/path`, 'python');
});

suite('contract/lighttpd-scgi', { needs: ['lighttpd', 'SCGI.pm'] }, async scope => {
  const app = placeFixture(scope, 'perl');
  const deployment = await deployUnix(scope, 'scgi', {
    '"/usr/bin/python3", "/srv/app/scgi.py"': '"/usr/bin/perl", "/srv/app/scgi.pl"',
    '/srv/app': app,
  });
  const lighttpd = await startLighttpd(scope, 'lighttpd-scgi.conf', { '/run/fpm-ts': runDirectory(scope) });
  await testResponder(scope, deployment, `${lighttpd.url}/app/some/path`, 'perl');
});
