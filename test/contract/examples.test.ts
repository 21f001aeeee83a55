/** Every pool file of examples/ passes the check that does not look at the system. */
import assert from 'node:assert/strict';
import { copyFileSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { runCommand } from '../lib/command.ts';
import { EXAMPLES, MAIN } from '../lib/paths.ts';
import { suite } from '../lib/suite.ts';

suite('contract/examples', {}, async scope => {
  const files = readdirSync(join(EXAMPLES, 'pools.d'));
  assert.notEqual(files.length, 0);
  for (const file of files) {
    await scope.test(`${file} passes fpm-ts check --static`, async () => {
      // Each alone: php.toml and php-family.toml are alternatives for one address.
      const dir = join(scope.dir, file);
      mkdirSync(join(dir, 'pools.d'), { recursive: true });
      copyFileSync(join(EXAMPLES, 'pools.d', file), join(dir, 'pools.d', file));
      writeFileSync(join(dir, 'fpm-ts.toml'), `run_dir = "${dir}/run"\n`);
      const checked = await runCommand(process.execPath, [
        MAIN,
        '-c',
        join(dir, 'fpm-ts.toml'),
        'check',
        '--static',
      ]);
      assert.equal(checked.code, 0, checked.stdout + checked.stderr);
    });
  }
});
