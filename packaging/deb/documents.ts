/** The texts of the package that are made for it: control, changelog, copyright, lintian's overrides. */
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { REPOSITORY, type Release } from './release.ts';

/** Who builds it says so as for every Debian package. */
const { DEBFULLNAME = 'the fpm-ts authors', DEBEMAIL = 'fpm-ts@example.org' } = process.env;
const MAINTAINER = `${DEBFULLNAME} <${DEBEMAIL}>`;

/** @param installedKiB what it takes on the disk */
export function control({ version, architecture }: Release, installedKiB: number): string {
  // What the binary of Node is linked with, and passwd for groupadd; setpriv and chroot are in essential packages.
  return `Package: fpm-ts
Version: ${version}
Architecture: ${architecture}
Maintainer: ${MAINTAINER}
Installed-Size: ${installedKiB}
Depends: libc6 (>= 2.28), libgcc-s1 (>= 3.4), libstdc++6 (>= 8), passwd
Recommends: logrotate
Suggests: nginx | lighttpd | apache2
Section: httpd
Priority: optional
Description: process manager for pools of FastCGI and SCGI programs
 What php-fpm is for PHP, fpm-ts is for every program that speaks FastCGI or
 SCGI: named pools of long-lived workers (php-cgi, Perl, Python, Ruby, C, Node)
 behind nginx, lighttpd or Apache, started, watched, scaled with the load,
 reloaded and upgraded without losing a request.
 .
 The package brings its own Node.js in /usr/lib/fpm-ts.
`;
}

export function changelog({ version, epoch }: Release): string {
  return `fpm-ts (${version}) unstable; urgency=medium

  * What is new in this version: changelog.gz in this directory.

 -- ${MAINTAINER}  ${rfc2822(epoch)}
`;
}

/** "Sat, 21 Nov 2026 15:00:56 +0000" */
function rfc2822(epoch: number): string {
  return new Date(epoch * 1000).toUTCString().replace('GMT', '+0000');
}

/** Every package brings its licence in its own directory. */
export function copyright({ licences }: Release): string {
  const packages = [...licences].map(([path, licence]) => `  ${path}: ${licence}\n`).join('');
  return `This is fpm-ts with Node.js and the packages that it needs to run.

fpm-ts:

${readFileSync(join(REPOSITORY, 'LICENSE'), 'utf8').trim()}

/usr/lib/fpm-ts/bin/node is Node.js, by its contributors and those of the
projects that it is made of: Node.LICENSE.gz in this directory.

Packages below /usr/lib/fpm-ts, each with its licence in its directory:

${packages}`;
}

/** Beside the binary of a release archive, or where a package of Node has put it. */
export function nodeLicence(node: string): string {
  const places = [
    join(dirname(node), '../LICENSE'),
    join(dirname(node), '../share/doc/nodejs/LICENSE'),
    join(dirname(node), '../share/doc/node/LICENSE'),
    '/usr/share/doc/nodejs/LICENSE',
    '/usr/share/doc/nodejs/copyright',
  ];
  const found = places.find(existsSync);
  if (found !== undefined) return readFileSync(found, 'utf8');
  return `MIT, with parts under other licences: https://github.com/nodejs/node/blob/${process.version}/LICENSE\n`;
}

export const LINTIAN_OVERRIDES = `# Node.js as its makers release it, with the libraries that it is built with.
fpm-ts: embedded-library *
fpm-ts: unstripped-binary-or-object *
fpm-ts: hardening-no-pie *
fpm-ts: hardening-no-fortify-functions *
# Modules that can be run by hand from the npm package; here the launcher runs them.
fpm-ts: script-not-executable *
fpm-ts: unusual-interpreter *
`;
