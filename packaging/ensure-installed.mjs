/**
 * Runs before each build. Installs the dependencies unless exactly what the lock file names is installed, so that
 * `npm start`, `npm test` and `npm run package:deb` work in a fresh clone, and later without a network.
 */
import { spawnSync } from 'node:child_process';
import { lstatSync, readFileSync } from 'node:fs';

// `npm ci` would empty the directory that a link points to. Other clones may use that directory.
const isLink = lstatSync('node_modules', { throwIfNoEntry: false })?.isSymbolicLink() === true;
if (!isLink && !isInstalled()) {
  console.log('installing the dependencies…');
  const options = ['--no-audit', '--no-fund', '--loglevel=error'];
  const { status } = spawnSync('npm', ['ci', ...options], { stdio: 'inherit' });
  process.exit(status ?? 1);
}

function isInstalled() {
  const wanted = packagesOf('package-lock.json');
  let installed;
  try {
    installed = packagesOf('node_modules/.package-lock.json'); // npm writes it last
  } catch {
    return false;
  }
  return (
    [...installed].every(([path, { integrity }]) => integrity === wanted.get(path)?.integrity) &&
    // Optional packages are those of other platforms.
    [...wanted].every(([path, { optional }]) => optional || installed.has(path))
  );
}

function packagesOf(file) {
  const { packages } = JSON.parse(readFileSync(file, 'utf8'));
  delete packages['']; // the project itself
  return new Map(Object.entries(packages));
}
