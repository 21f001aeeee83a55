/** What the package holds: where it goes, where it comes from, and with which mode. */
import { existsSync, lstatSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { changelog, copyright, LINTIAN_OVERRIDES, nodeLicence } from './documents.ts';
import { REPOSITORY, type Release } from './release.ts';

export interface Entry {
  /** Below the root of the package, without a slash in front. */
  readonly target: string;
  /** A file to copy, or what stands in the file. */
  readonly source: { readonly file: string } | { readonly bytes: Buffer };
  readonly isExecutable: boolean;
}

/** Where fpm-ts itself is: laid out as the npm package, with its own Node. */
const HOME = 'usr/lib/fpm-ts';
const DOC = 'usr/share/doc/fpm-ts';

/** Directories that are there before anything is in them. */
export const DIRECTORIES: readonly string[] = ['etc/fpm-ts/pools.d'];

export function contents(release: Release): Entry[] {
  return [
    ...program(release),
    ...configuration(),
    ...service(),
    ...manual(),
    ...completions(),
    ...documentation(release),
  ];
}

function program(release: Release): Entry[] {
  const manifest = JSON.parse(readFileSync(join(REPOSITORY, 'package.json'), 'utf8')) as object;
  const { devDependencies: _, scripts: __, ...installed } = manifest as Record<string, unknown>;
  const text = JSON.stringify({ ...installed, version: release.version }, null, 2);
  return [
    file('packaging/deb/launcher.sh', 'usr/bin/fpm-ts', true),
    { target: `${HOME}/bin/node`, source: { file: release.node }, isExecutable: true },
    { target: `${HOME}/package.json`, source: { bytes: Buffer.from(`${text}\n`) }, isExecutable: false },
    ...tree('dist', `${HOME}/dist`, isNeededToRun),
    ...release.packages.flatMap(path => tree(path, `${HOME}/${path}`, isNeededToRun)),
    // What `fpm-ts init` writes.
    ...tree('packaging/starter', `${HOME}/packaging/starter`),
    ...tree('packaging/systemd', `${HOME}/packaging/systemd`),
  ];
}

/** Modules, native parts for Debian's C library, and licences; neither types, sources, tests nor another copy of documents. */
function isNeededToRun(path: string): boolean {
  if (/\/(LICEN[CS]E|COPYING|NOTICE)[^/]*$/i.test(path)) return true;
  if (/\/(\.[^/]*|musl_\w+|tests?|benchmarks|docs?|vendor)(\/|$)/.test(path)) return false;
  return /\.(js|mjs|cjs|json|node)$/.test(path);
}

function configuration(): Entry[] {
  return [
    file('packaging/starter/fpm-ts.toml', 'etc/fpm-ts/fpm-ts.toml'),
    file('packaging/starter/www.toml.sample', 'etc/fpm-ts/pools.d/www.toml.sample'),
    file('packaging/logrotate.d/fpm-ts', 'etc/logrotate.d/fpm-ts'),
  ];
}

function service(): Entry[] {
  return [
    file('packaging/systemd/fpm-ts.service', 'lib/systemd/system/fpm-ts.service'),
    file('packaging/sysusers.d/fpm-ts.conf', 'usr/lib/sysusers.d/fpm-ts.conf'),
    file('packaging/tmpfiles.d/fpm-ts.conf', 'usr/lib/tmpfiles.d/fpm-ts.conf'),
  ];
}

function manual(): Entry[] {
  return [
    zipped('packaging/man/fpm-ts.8', 'usr/share/man/man8/fpm-ts.8'),
    zipped('packaging/man/fpm-ts.toml.5', 'usr/share/man/man5/fpm-ts.toml.5'),
  ];
}

function completions(): Entry[] {
  return [
    file('packaging/completions/fpm-ts.bash', 'usr/share/bash-completion/completions/fpm-ts'),
    file('packaging/completions/_fpm-ts', 'usr/share/zsh/vendor-completions/_fpm-ts'),
    file('packaging/completions/fpm-ts.fish', 'usr/share/fish/vendor_completions.d/fpm-ts.fish'),
  ];
}

function documentation(release: Release): Entry[] {
  return [
    text(`${DOC}/copyright`, copyright(release)),
    {
      target: `${DOC}/changelog.Debian.gz`,
      source: { bytes: gzip(changelog(release)) },
      isExecutable: false,
    },
    zipped('CHANGELOG.md', `${DOC}/changelog`),
    {
      target: `${DOC}/Node.LICENSE.gz`,
      source: { bytes: gzip(nodeLicence(release.node)) },
      isExecutable: false,
    },
    text('usr/share/lintian/overrides/fpm-ts', LINTIAN_OVERRIDES),
    ...tree('docs', DOC, path => /^docs\/[^/]+\.(md|svg|json)$/.test(path)),
    ...tree('examples', `${DOC}/examples`),
    ...tree('packaging/systemd', `${DOC}/examples/systemd`, path => !path.endsWith('.service')),
  ];
}

function file(path: string, target: string, isExecutable = false): Entry {
  return { target, source: { file: join(REPOSITORY, path) }, isExecutable };
}

function text(target: string, content: string): Entry {
  return { target, source: { bytes: Buffer.from(content) }, isExecutable: false };
}

function zipped(path: string, target: string): Entry {
  const bytes = gzip(readFileSync(join(REPOSITORY, path), 'utf8'));
  return { target: `${target}.gz`, source: { bytes }, isExecutable: false };
}

/** Node writes no name and no time into it, so the same text gives the same bytes. */
function gzip(content: string): Buffer {
  return gzipSync(content, { level: 9 });
}

/** All files below a directory of the repository, in an order that does not depend on the file system. */
function tree(directory: string, target: string, isWanted: (path: string) => boolean = () => true): Entry[] {
  const from = join(REPOSITORY, directory);
  if (!existsSync(from)) return [];
  return readdirSync(from, { recursive: true, encoding: 'utf8' })
    .filter(path => lstatSync(join(from, path)).isFile() && !path.startsWith('node_modules/'))
    .filter(path => isWanted(`${directory}/${path}`))
    .sort()
    .map(path => file(`${directory}/${path}`, `${target}/${path}`));
}
