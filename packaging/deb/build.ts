/**
 * `npm run package:deb`: the Debian package of what is built in dist/, with the Node that runs this. dpkg-deb is all
 * that it needs beside the repository. The same sources with the same SOURCE_DATE_EPOCH give the same bytes.
 */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  chmodSync,
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { contents, DIRECTORIES, type Entry } from './contents.ts';
import { control } from './documents.ts';
import { REPOSITORY, type Release, release } from './release.ts';

const { values } = parseArgs({
  options: {
    out: { type: 'string', default: '.' },
    version: { type: 'string' },
    compression: { type: 'string', default: 'xz' },
  },
});

if (!existsSync(join(REPOSITORY, 'dist/main.js')))
  throw new Error('there is no dist/main.js: `npm run package:deb` builds it first');
const stage = mkdtempSync(join(tmpdir(), 'fpm-ts-deb-'));
try {
  console.log(build(release(values.version), stage));
} finally {
  rmSync(stage, { recursive: true });
}

/** @returns the package's file */
function build(what: Release, root: string): string {
  chmodSync(root, 0o755); // mkdtemp's own are for nobody else
  for (const directory of DIRECTORIES) makeDirectory(root, directory);
  const entries = contents(what);
  for (const entry of entries) place(root, entry);
  const bytes = entries.reduce((sum, { target }) => sum + statSync(join(root, target)).size, 0);
  writeControl(root, what, entries, Math.ceil(bytes / 1024));
  const target = resolve(values.out, `fpm-ts_${what.version}_${what.architecture}.deb`);
  mkdirSync(dirname(target), { recursive: true });
  const args = ['--root-owner-group', `-Z${values.compression}`, '--build', root, target];
  // dpkg-deb writes no later time than that, and all that is staged here is newer.
  const env = { ...process.env, SOURCE_DATE_EPOCH: String(what.epoch) };
  const { status, stdout, stderr, error } = spawnSync('dpkg-deb', args, { env, encoding: 'utf8' });
  if (status !== 0) throw new Error(`dpkg-deb failed: ${error?.message ?? stdout + stderr}`);
  return target;
}

/** Whatever the umask says. */
function makeDirectory(root: string, path: string): void {
  if (path === '.' || existsSync(join(root, path))) return;
  makeDirectory(root, dirname(path));
  mkdirSync(join(root, path));
  chmodSync(join(root, path), 0o755);
}

function place(root: string, { target, source, isExecutable }: Entry): void {
  makeDirectory(root, dirname(target));
  const path = join(root, target);
  if ('file' in source) copyFileSync(source.file, path);
  else writeFileSync(path, source.bytes);
  chmodSync(path, isExecutable ? 0o755 : 0o644);
}

function writeControl(root: string, what: Release, entries: readonly Entry[], installedKiB: number): void {
  const directory = join(root, 'DEBIAN');
  makeDirectory(root, 'DEBIAN');
  cpSync(join(REPOSITORY, 'packaging/deb/scripts'), directory, { recursive: true });
  for (const script of readdirSync(directory)) chmodSync(join(directory, script), 0o755);
  copyFileSync(join(REPOSITORY, 'packaging/deb/conffiles'), join(directory, 'conffiles'));
  writeFileSync(join(directory, 'control'), control(what, installedKiB));
  const sums = entries
    .map(({ target }) => target)
    .filter(target => !target.startsWith('etc/')) // conffiles have theirs in dpkg's own records
    .sort()
    .map(
      target =>
        `${createHash('md5')
          .update(readFileSync(join(root, target)))
          .digest('hex')}  ${target}\n`,
    );
  writeFileSync(join(directory, 'md5sums'), sums.join(''));
  for (const name of ['conffiles', 'control', 'md5sums']) chmodSync(join(directory, name), 0o644);
}
