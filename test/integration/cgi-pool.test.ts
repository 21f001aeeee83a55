/** The CGI host as the worker of a pool: what a stop leaves of the scripts that run. */
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { askPool, unixSocket } from '../lib/ask-pool.ts';
import { startDaemon } from '../lib/daemon.ts';
import { MAIN } from '../lib/paths.ts';
import { until } from '../lib/poll.ts';
import { poolText, socketOf } from '../lib/pools.ts';
import { isAlive, readStat } from '../lib/processes.ts';
import { IS_ROOT, suite } from '../lib/suite.ts';

for (const [name, options] of [
  ['whose time is over', []],
  ['--now', ['--now']],
] as const) {
  suite(`integration/cgi-pool: a stop ${name}`, {}, async scope => {
    const folder = (path: string, mode: number): string => {
      mkdirSync(join(scope.dir, path));
      chmodSync(join(scope.dir, path), mode);
      return join(scope.dir, path);
    };
    const root = folder('www', 0o755);
    const pids = join(folder('shared', 0o777), 'pids');
    const script = join(root, 'stays.sh');
    writeFileSync(script, `#!/bin/sh\nsleep 600 &\necho $$ $! > ${pids}.new\nmv ${pids}.new ${pids}\nwait\n`);
    chmodSync(script, 0o755);
    const daemon = await startDaemon(scope, {
      pools: {
        cgi: poolText({
          command: [process.execPath, MAIN, 'cgi', '--root', root, ...(IS_ROOT ? ['--user', 'nobody'] : [])],
          user: undefined,
          allow_root: IS_ROOT,
          stop_is_graceful: true,
          process_control_timeout: '300ms',
          'listen.address': socketOf(scope, 'cgi'),
          'pm.max_children': 1,
          'pm.worker_concurrency': 64,
        }),
      },
      expectedLog: [/not free within 300 ms \(process_control_timeout\)/, /killing/],
    });

    await scope.test('leaves no script behind', async () => {
      const asked = askPool(unixSocket(socketOf(scope, 'cgi')), { script }).catch(() => {});
      const text = await until(
        () => {
          try {
            return readFileSync(pids, 'utf8');
          } catch {
            return undefined;
          }
        },
        { what: 'the script to run' },
      );
      const running = text.split(' ').flatMap(pid => readStat(Number(pid)) ?? []);
      scope.defer(() => {
        for (const { pid } of running.filter(isAlive)) process.kill(pid, 'SIGKILL');
      });
      const { code, stderr } = await daemon.cli('stop', ...options);
      if (code !== 0) throw new Error(stderr);
      await asked;
      await until(() => !running.some(isAlive), { what: 'the script and its child to be gone' });
    });
  });
}
