/** The Debian package, as `npm run package:deb` makes it once it has built, and without compression. */
import assert from 'node:assert/strict';
import { cleanEnvironment, runCommand } from './command.ts';
import { REPOSITORY } from './paths.ts';

/** @returns the package's file, in the directory `out` */
export async function buildPackage(out: string, version: string, umask = '0022'): Promise<string> {
  const options = ['--out', out, '--version', version, '--compression', 'none'];
  const build = [process.execPath, '--import', 'tsx', 'packaging/deb/build.ts', ...options];
  const { code, stdout, stderr } = await runCommand(
    'sh',
    ['-c', `umask ${umask} && exec "$@"`, 'sh', ...build],
    {
      cwd: REPOSITORY,
      env: { ...cleanEnvironment(), SOURCE_DATE_EPOCH: '1700000000' },
    },
  );
  assert.equal(code, 0, stderr);
  return stdout.trim();
}
