/** The completions as bash, zsh and fish have them, with pools of files and of a running supervisor. */
import assert from 'node:assert/strict';
import { chmodSync, existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { completionShell } from '../lib/completion-shell.ts';
import { startDaemon } from '../lib/daemon.ts';
import { MAIN } from '../lib/paths.ts';
import { scriptPool } from '../lib/pools.ts';
import { suite } from '../lib/suite.ts';

const COMMANDS_WITH_ST = ['start', 'status', 'stop'];

suite('contract/completions', {
  needs: ['bash', 'bash-completion', 'zsh', 'fish', 'script'],
}, async scope => {
  const pools = { www: scriptPool('sleep 600'), wiki: scriptPool('sleep 600') };
  const daemon = await startDaemon(scope, { pools });
  // One that the running supervisor does not know, and whose text nobody has to understand.
  writeFileSync(join(daemon.poolsDir, 'later.toml'), 'command = [');
  writeFileSync(join(scope.dir, 'access log'), '');
  writeFileSync(join(scope.dir, 'access.log'), '');
  const config = daemon.configFile;

  const bin = join(scope.dir, 'bin');
  mkdirSync(bin);
  writeFileSync(join(bin, 'fpm-ts'), `#!/bin/sh\nexec '${process.execPath}' '${MAIN}' "$@"\n`);
  chmodSync(join(bin, 'fpm-ts'), 0o755);
  const evil = join(scope.dir, 'evil');

  const cases: readonly { line: string; offered: readonly string[] }[] = [
    { line: 'fpm-ts st', offered: COMMANDS_WITH_ST },
    { line: 'fpm-ts --json st', offered: COMMANDS_WITH_ST },
    { line: 'fpm-ts help st', offered: COMMANDS_WITH_ST },
    { line: 'fpm-ts spawn -u www-d', offered: ['www-data'] },
    { line: 'fpm-ts spawn -G www-d', offered: ['www-data'] },
    { line: `fpm-ts spawn -c ${scope.dir}/po`, offered: [`${scope.dir}/pools.d`] }, // a directory there
    { line: 'fpm-ts spawn --js', offered: [] },
    { line: 'fpm-ts reload --d', offered: ['--dry-run'] },
    { line: 'fpm-ts status --js', offered: ['--json'] },
    { line: 'fpm-ts status --nothing', offered: [] },
    { line: `fpm-ts -c ${config} reload w`, offered: ['wiki', 'www'] },
    { line: `fpm-ts --config=${config} status l`, offered: ['later'] },
    { line: `fpm-ts stop --config ${config} www wi`, offered: ['wiki'] },
    { line: `fpm-ts stop -c ${config} -- wi`, offered: ['wiki'] },
    { line: `fpm-ts -c ${config} scale ww`, offered: ['www'] },
    { line: `fpm-ts -c ${config} scale www a`, offered: [] },
    { line: `fpm-ts -c ${scope.dir}/none.toml status w`, offered: [] },
    { line: `fpm-ts request www '$(touch ${evil})'  --hea`, offered: ['--header'] },
    { line: `fpm-ts -c $(touch ${evil}) status w`, offered: [] },
  ];

  for (const name of ['bash', 'zsh', 'fish'] as const) {
    const shell = await completionShell(scope, name, bin);
    for (const { line, offered } of cases)
      await scope.test(`${name}: ${line.replaceAll(scope.dir, 'DIR')}`, async () => {
        assert.deepEqual(await shell.complete(line), offered);
      });

    await scope.test(`${name}: a file, after its option and after the option's =`, async () => {
      for (const option of ['--log ', '--log='])
        assert.match(
          (await shell.complete(`fpm-ts simulate www ${option}${scope.dir}/access.`)).join(' '),
          /access\.log$/,
          option,
        );
    });

    await scope.test(`${name}: all options of a command`, async () => {
      const options = await shell.complete('fpm-ts reload --');
      assert.deepEqual(options, ['--changed', '--config', '--dry-run', '--help', '--json']);
    });

    await scope.test(`${name}: nothing on the line is run`, () => {
      assert.ok(!existsSync(evil));
    });
  }
});
