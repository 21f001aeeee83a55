/**
 * The programs that suites and benchmarks need beyond Node, and the Debian package that brings each. A suite names its
 * needs; what is missing makes it a skip that says the apt line, or a failure where nothing may be skipped.
 */
import { spawnSync } from 'node:child_process';
import { accessSync, constants, readdirSync } from 'node:fs';
import { join } from 'node:path';

interface Need {
  readonly packages: readonly string[];
  readonly present: () => boolean;
}

/** Server programs are in sbin, which ordinary users do not have in PATH. */
const SBIN = ['/usr/local/sbin', '/usr/sbin', '/sbin'];

function readable(path: string, mode: number): boolean {
  try {
    accessSync(path, mode);
    return true;
  } catch {
    return false;
  }
}

/** The full path of a program, looked for in PATH and the directories of the system's servers. */
export function findProgram(name: string): string | undefined {
  const directories = [...(process.env.PATH ?? '').split(':').filter(part => part !== ''), ...SBIN];
  return directories.map(directory => join(directory, name)).find(path => readable(path, constants.X_OK));
}

/** Debian has PHP's version in the name: /usr/sbin/php-fpm8.2. */
export function findPhpFpm(): string | undefined {
  const names = SBIN.filter(directory => readable(directory, constants.R_OK)).flatMap(directory =>
    readdirSync(directory)
      .filter(name => /^php-fpm[\d.]*$/.test(name))
      .map(name => join(directory, name)),
  );
  return names.at(-1);
}

function program(name: string, ...packages: string[]): Need {
  return { packages, present: () => findProgram(name) !== undefined };
}

/** The examples name interpreters and servers by Debian's full path, so no other copy will do. */
function file(path: string, ...packages: string[]): Need {
  return { packages, present: () => readable(path, constants.R_OK) };
}

function perlModule(name: string, ...packages: string[]): Need {
  return { packages, present: () => spawnSync('/usr/bin/perl', [`-M${name}`, '-e', '1']).status === 0 };
}

const NEEDS = {
  nginx: program('nginx', 'nginx-light'),
  lighttpd: program('lighttpd', 'lighttpd'),
  apache: program('apache2', 'apache2'),
  'php-cgi': file('/usr/bin/php-cgi', 'php-cgi'),
  gunicorn: file('/usr/bin/gunicorn', 'gunicorn'),
  python3: file('/usr/bin/python3', 'python3-minimal'),
  // gcc only recommends the C library's headers, and recommended packages are not installed.
  gcc: program('gcc', 'gcc', 'libc6-dev'),
  libfcgi: file('/usr/include/fcgiapp.h', 'libfcgi-dev'),
  'FCGI.pm': perlModule('FCGI', 'libfcgi-perl'),
  'SCGI.pm': perlModule('SCGI', 'libscgi-perl'),
  'CGI.pm': perlModule('CGI', 'libcgi-pm-perl'),
  git: file('/usr/lib/git-core/git-http-backend', 'git'),
  gitweb: file('/usr/lib/cgi-bin/gitweb.cgi', 'gitweb'),
  cgit: file('/usr/lib/cgit/cgit.cgi', 'cgit'),
  curl: program('curl', 'curl'),
  wrk: program('wrk', 'wrk'),
  script: program('script', 'bsdutils'),
  setpriv: program('setpriv', 'util-linux'),
  setsid: program('setsid', 'util-linux'),
  systemd: file('/lib/systemd/systemd', 'systemd'),
  ss: program('ss', 'iproute2'),
  ip: program('ip', 'iproute2'),
  'dpkg-deb': program('dpkg-deb', 'dpkg'),
  unshare: program('unshare', 'util-linux'),
  logrotate: program('logrotate', 'logrotate'),
  'systemd-tmpfiles': program('systemd-tmpfiles', 'systemd'),
  'systemd-sysusers': program('systemd-sysusers', 'systemd'),
  man: program('man', 'man-db'),
  groff: program('groff', 'groff-base'),
  mandoc: program('mandoc', 'mandoc'),
  bash: program('bash', 'bash'),
  'bash-completion': file('/usr/share/bash-completion/bash_completion', 'bash-completion'),
  zsh: program('zsh', 'zsh'),
  fish: program('fish', 'fish'),
  'spawn-fcgi': program('spawn-fcgi', 'spawn-fcgi'),
  fcgiwrap: program('fcgiwrap', 'fcgiwrap'),
  multiwatch: program('multiwatch', 'multiwatch'),
  supervisord: program('supervisord', 'supervisor'),
  'php-fpm': { packages: ['php-fpm'], present: () => findPhpFpm() !== undefined },
} satisfies Record<string, Need>;

export type Program = keyof typeof NEEDS;

export const ALL_PROGRAMS: readonly Program[] = Object.keys(NEEDS) as Program[];

export function missingPrograms(programs: readonly Program[]): Program[] {
  return programs.filter(name => !NEEDS[name].present());
}

/** The Debian packages that bring `programs`, each once. */
export function packagesOf(programs: readonly Program[]): string[] {
  return [...new Set(programs.flatMap(name => NEEDS[name].packages))];
}

/** "needs nginx, php-cgi: apt-get install nginx-light php-cgi" */
export function aptLine(programs: readonly Program[]): string {
  return `needs ${programs.join(', ')}: apt-get install ${packagesOf(programs).join(' ')}`;
}
