/** gunicorn behind nginx's proxy_pass, with the socket handed over as systemd does. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { placeFixture } from '../lib/fixtures.ts';
import { startNginx } from '../lib/nginx.ts';
import { workerPids } from '../lib/status.ts';
import { suite } from '../lib/suite.ts';
import { deployUnix, runDirectory } from './deploy.ts';
import { testResponder } from './responder-steps.ts';

suite('contract/nginx-gunicorn', { needs: ['nginx', 'gunicorn'] }, async scope => {
  const app = placeFixture(scope, 'python');
  const deployment = await deployUnix(scope, 'gunicorn', { '/srv/app': app });
  const nginx = await startNginx(scope, 'nginx-gunicorn.conf', { '/run/fpm-ts': runDirectory(scope) });

  await scope.test('the socket is handed over as sd_listen_fds(3) says', async () => {
    const [pid = 0] = workerPids(await deployment.daemon.status(), deployment.pool);
    const environment = readFileSync(`/proc/${pid}/environ`, 'utf8').split('\0');
    assert.ok(environment.includes('LISTEN_FDS=1'), environment.join(' '));
    assert.ok(environment.includes(`LISTEN_PID=${pid}`), environment.join(' '));
  });
  await testResponder(scope, deployment, `${nginx.url}/some/path`, 'gunicorn');
});
