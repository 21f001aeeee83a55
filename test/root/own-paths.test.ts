/** Files of fpm-ts itself below a directory of a tenant's, or behind his link: refused, because root would be led elsewhere. */
import assert from 'node:assert/strict';
import { chownSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { checkSystem } from '../../src/config/check/check.ts';
import { loadConfig } from '../../src/config/load.ts';
import { formatProblem } from '../../src/config/problems.ts';
import { suite } from '../lib/suite.ts';

const MALLORY = 4402;

suite('root/own-paths', { root: true }, async scope => {
  const [home, roots] = [join(scope.dir, 'mallory'), join(scope.dir, 'roots')];
  for (const path of [home, roots]) mkdirSync(path);
  chownSync(home, MALLORY, MALLORY);
  symlinkSync(roots, join(home, 'link'));
  const file = join(scope.dir, 'fpm-ts.toml');
  const check = async (keys: Readonly<Record<string, string>>): Promise<string> => {
    const all = { run_dir: join(scope.dir, 'run'), ...keys };
    writeFileSync(
      file,
      Object.entries(all)
        .map(([key, value]) => `${key} = "${value}"\n`)
        .join(''),
    );
    const { config, sources } = loadConfig({ file, env: {}, uid: 0 });
    assert.ok(config !== null);
    const { problems } = await checkSystem(config, sources, { ownAddresses: new Set(), env: {} });
    return problems.map(formatProblem).join('\n');
  };

  for (const [key, name] of [
    ['run_dir', 'run'],
    ['pid_file', 'x.pid'],
    ['control.socket', 'c.sock'],
  ] as const)
    for (const directory of [home, join(home, 'link')])
      await scope.test(`${key} in ${directory.slice(scope.dir.length)}`, async () => {
        const said = await check({ [key]: join(directory, name) });
        assert.match(
          said,
          new RegExp(`${key}: (another user than root can replace|other users may write in)`),
        );
      });

  await scope.test("in root's own directories, links of root's included: nothing is said", async () => {
    symlinkSync(roots, join(scope.dir, 'own'));
    const own = join(scope.dir, 'own');
    const keys = {
      run_dir: join(own, 'run'),
      pid_file: join(own, 'x.pid'),
      'control.socket': join(own, 'c.sock'),
    };
    assert.equal(await check(keys), '');
  });
});
