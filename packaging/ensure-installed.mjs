/**
 * Installs the dependencies unless they are installed as the lock file says, so that `npm start` and `npm test`
 * work in a fresh clone, and again without a network. npm writes node_modules/.package-lock.json last.
 */
import { spawnSync } from 'node:child_process';
import { statSync } from 'node:fs';

const wanted = statSync('package-lock.json').mtimeMs;
const installed = statSync('node_modules/.package-lock.json', { throwIfNoEntry: false })?.mtimeMs ?? 0;
if (installed < wanted) {
  console.log('installing the dependencies…');
  const options = ['--no-save', '--no-audit', '--no-fund', '--loglevel=error'];
  const { status } = spawnSync('npm', ['install', ...options], { stdio: 'inherit' });
  process.exit(status ?? 1);
}
