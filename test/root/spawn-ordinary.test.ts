/** `fpm-ts spawn` beside the real spawn-fcgi for an ordinary user. */
import assert from 'node:assert/strict';
import { chownSync, existsSync, mkdirSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { compileFixture } from '../lib/compile.ts';
import { install } from '../lib/installed.ts';
import {
  configOf,
  directoriesFor,
  endSpawned,
  factsOf,
  KINDS,
  runSpawn,
  type SpawnCaller,
} from '../lib/spawn.ts';
import { suite } from '../lib/suite.ts';

const UID = 65_534;

suite('root/spawn-ordinary', {
  root: true,
  needs: ['gcc', 'libfcgi', 'spawn-fcgi', 'ss', 'setpriv'],
}, async scope => {
  const { node, main } = install(scope);
  const program = await compileFixture('inspect');
  const runtime = join(scope.dir, 'runtime');
  mkdirSync(runtime, { mode: 0o700 });
  chownSync(runtime, UID, UID);
  const caller: SpawnCaller = {
    fpmTs: [node, main],
    as: ['setpriv', `--reuid=${UID}`, `--regid=${UID}`, '--clear-groups', '--'],
    umask: '0027',
    env: { PATH: '/usr/bin:/bin', XDG_RUNTIME_DIR: runtime, HOME: '/nowhere' },
  };
  const own = (dir: string): void => chownSync(dir, UID, UID);

  await scope.test(
    'what it asks for, it gets; what only root may ask for is passed over, which ours says',
    async () => {
      const dirs = directoriesFor(scope, 'all', own);
      const args = [
        '-s',
        'app.sock',
        '-P',
        'app.pid',
        '-d',
        '/usr',
        '-b',
        '9',
        '-u',
        'www-data',
        '-U',
        'root',
        '-c',
        '/srv',
      ];
      const seen = [];
      for (const kind of KINDS) {
        const spawned = await runSpawn(scope, kind, dirs[kind], [...args, '--', program, 'one'], caller);
        const { inspection, stderr, ...facts } = await factsOf(spawned, 'app.sock');
        const { uid, gid, groups, umask, cwd, limits, nice } = inspection;
        const environment = inspection.environment.filter(it => !/^(PWD|USER|LOGNAME)=/.test(it)).toSorted();
        seen.push({
          ...facts,
          pidFile: facts.pidFile?.replace(/\d+$/, ''),
          uid,
          gid,
          groups,
          umask,
          cwd,
          limits,
          nice,
          environment,
        });
        const ignored = ['-c', '-u', '-U'].map(it => `spawn-fcgi: ${it} is for root only, and ignored\n`);
        assert.equal(stderr, kind === 'fpm-ts' ? ignored.join('') : '');
        if (kind === 'fpm-ts') {
          const runDir = dirname(configOf(spawned.pids[0] ?? 0));
          assert.equal(dirname(dirname(runDir)), runtime);
          assert.deepEqual([statSync(runDir).uid, statSync(runDir).mode & 0o777], [UID, 0o700]);
          await endSpawned(spawned);
          assert.equal(existsSync(dirname(runDir)), false);
        }
      }
      assert.deepEqual(seen[1], seen[0]);
    },
  );
});
