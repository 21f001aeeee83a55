/** The unit files that are packaged: systemd understands every line, and docs/systemd.md explains what workers inherit. */
import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { runCommand } from '../lib/command.ts';
import { REPOSITORY } from '../lib/paths.ts';
import { suite } from '../lib/suite.ts';

const UNITS = ['fpm-ts.service', 'fpm-ts-www.socket'] as const;
/** What docs/systemd.md says, times ten. */
const EXPOSURE = '40';

const textOf = (unit: string): string => readFileSync(join(REPOSITORY, 'packaging/systemd', unit), 'utf8');

suite('integration/systemd-unit', { needs: ['systemd'] }, async scope => {
  const directory = join(scope.dir, 'units');
  mkdirSync(directory);
  // The program need not be installed here.
  for (const unit of UNITS)
    writeFileSync(join(directory, unit), textOf(unit).replaceAll('/usr/bin/fpm-ts', '/bin/true'));
  const analyze = (...args: string[]): ReturnType<typeof runCommand> => runCommand('systemd-analyze', args);

  for (const unit of UNITS)
    await scope.test(`${unit}: systemd-analyze verify has nothing to say`, async () => {
      const { code, stdout, stderr } = await analyze('verify', '--man=no', join(directory, unit));
      assert.deepEqual([stdout, stderr, code], ['', '', 0]);
    });

  await scope.test('systemd-analyze security finds no more than is documented', async () => {
    const file = join(directory, 'fpm-ts.service');
    const options = ['--offline=true', `--threshold=${EXPOSURE}`, '--no-pager'];
    const { code, stdout } = await analyze('security', ...options, file);
    assert.equal(code, 0, stdout);
    assert.match(
      readFileSync(join(REPOSITORY, 'docs/systemd.md'), 'utf8'),
      /exposure level .*\s+reports is 4\.0\./,
    );
  });

  await scope.test('each line that workers inherit is explained', () => {
    const inherited = textOf('fpm-ts.service').split('# Workers inherit all that follows')[1] ?? '';
    const keys = [...(inherited.split('[Install]')[0]?.matchAll(/^([A-Z]\w+)=/gm) ?? [])].map(
      ([, key]) => key,
    );
    const explained = readFileSync(join(REPOSITORY, 'docs/systemd.md'), 'utf8');
    assert.ok(keys.length > 10);
    assert.deepEqual(
      keys.filter(key => !explained.includes(`\`${key}=`)),
      ['SystemCallErrorNumber'],
    );
  });

  await scope.test('nothing is set that would take from adopted workers what they need', () => {
    const text = textOf('fpm-ts.service');
    assert.match(text, /^KillMode=process$/m);
    assert.match(text, /^OOMPolicy=continue$/m);
    assert.match(text, /^RuntimeDirectoryPreserve=yes$/m);
    assert.doesNotMatch(
      text,
      /^(PrivateTmp|PrivateUsers|DynamicUser|User|MemoryDenyWriteExecute|NoNewPrivileges)=/m,
    );
  });
});
