/** Configurations that must not be used, each with one mistake, and what has to be said about it. */
import { chmodSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type PoolKeys, poolText } from '../lib/pools.ts';

/** What the mistakes are made with. */
export interface Ground {
  /** Of this mistake alone; who starts fpm-ts may write in it. */
  readonly dir: string;
  /** Somebody else listens on 127.0.0.1 and on [::], and on a Unix path. */
  readonly takenPort: number;
  readonly takenDualPort: number;
  readonly takenSocket: string;
  /** A soft and hard limit of whoever starts fpm-ts. */
  readonly lockableBytes: number;
}

export interface Mistake {
  readonly name: string;
  /** Only for root, or only for others; for both when left out. */
  readonly who?: 'root' | 'user';
  /** Lines of fpm-ts.toml. */
  readonly global?: (ground: Ground) => string;
  /** Keys of the one pool. */
  readonly pool?: (ground: Ground) => PoolKeys;
  /** More lines of the pool's file. */
  readonly text?: string;
  /** A second pool. */
  readonly other?: (ground: Ground) => PoolKeys;
  /** `FILE:line:column: key: message` of one of the problems; FILE is fpm-ts.toml, www.toml or zzz.toml. */
  readonly says: RegExp;
}

/** A pool with nothing wrong. */
export function goodPool({ dir }: Pick<Ground, 'dir'>): PoolKeys {
  return { command: ['/bin/sleep', '1000'], protocol: 'other', 'listen.address': join(dir, 'x.sock') };
}

/** The texts of the pool files: the pool itself, and a second one where the mistake takes two. */
export function poolsOf(mistake: Mistake, ground: Ground): readonly string[] {
  const first = poolText({ ...goodPool(ground), ...mistake.pool?.(ground) });
  const second = mistake.other === undefined ? [] : [{ ...goodPool(ground), ...mistake.other(ground) }];
  return [`${first}${mistake.text ?? ''}\n`, ...second.map(poolText)];
}

function script(dir: string, text: string, mode = 0o755): string {
  const path = join(dir, 'script');
  writeFileSync(path, text);
  chmodSync(path, mode);
  return path;
}

function closedDirectory(dir: string): string {
  const path = join(dir, 'closed');
  mkdirSync(path, { recursive: true });
  chmodSync(path, 0o700);
  return path;
}

function openDirectory(dir: string): string {
  const path = join(dir, 'open');
  mkdirSync(path, { recursive: true });
  chmodSync(path, 0o777);
  return path;
}

function link(dir: string): string {
  const path = join(dir, 'link');
  writeFileSync(join(dir, 'target'), '', { mode: 0o666 });
  chmodSync(join(dir, 'target'), 0o666);
  symlinkSync(join(dir, 'target'), path);
  return path;
}

function jail(dir: string): string {
  const path = join(dir, 'jail');
  mkdirSync(join(path, 'srv'), { recursive: true });
  writeFileSync(join(path, 'program'), '\x7fELF', { mode: 0o755 });
  return path;
}

const long = (dir: string, bytes: number): string => join(dir, 'x'.repeat(bytes - dir.length - 1));

/** Seen in the files alone; the system is asked when there are none of these. */
export const IN_FILES: readonly Mistake[] = [
  { name: 'not TOML', text: 'umask', says: /^www.toml:\d+:\d+: / },
  { name: 'an unknown key', text: 'usr = "x"', says: /^www.toml:\d+:1: usr: .*user/ },
  { name: 'a bare octal number', text: 'umask = 0027', says: /"0027"/ },
  { name: 'a mode that is not octal', pool: () => ({ 'listen.mode': '999' }), says: /: listen.mode: / },
  { name: 'a key said twice', text: 'chdir = "/"\nchdir = "/"', says: /chdir/ },
  { name: 'a key that a table swallowed', text: '[env]\nchdir = "/"', says: /env.chdir: the header \[env\]/ },
  {
    name: 'a variable that is not set',
    text: `chdir = "\${env:NOT_SET_AT_ALL}"`,
    says: /NOT_SET_AT_ALL/,
  },
  {
    name: 'clients of a Unix socket',
    pool: () => ({ 'listen.allowed_clients': ['10.0.0.1'] }),
    says: /listen.allowed_clients: /,
  },
  {
    name: 'a pool without a user',
    who: 'root',
    pool: () => ({ user: undefined }),
    says: /: user: must be set/,
  },
  {
    name: 'a feature that is yet to come',
    pool: () => ({ dispatch: 'broker' }),
    says: /: dispatch: not yet/,
  },
];

const ACCOUNTS: readonly Mistake[] = [
  {
    name: 'unknown user',
    who: 'root',
    pool: () => ({ user: 'no-such' }),
    says: /: user: there is no user no-such/,
  },
  {
    name: 'unknown group',
    who: 'root',
    pool: () => ({ group: 'no-such' }),
    says: /: group: there is no group no-such/,
  },
  {
    name: 'unknown owner of the socket',
    pool: () => ({ 'listen.owner': 'no-such' }),
    says: /: listen.owner: there is no user no-such/,
  },
  {
    name: 'unknown group of the socket',
    pool: () => ({ 'listen.group': 'no-such' }),
    says: /: listen.group: there is no group no-such/,
  },
  {
    name: 'a socket given away without the right',
    who: 'user',
    pool: () => ({ 'listen.owner': 'root' }),
    says: /: listen.owner: only root/,
  },
  {
    name: 'unknown control.group',
    global: () => 'control.group = "no-such"',
    says: /^fpm-ts.toml:\d+:1: control.group: there is no group no-such/,
  },
];

const PATHS: readonly Mistake[] = [
  {
    name: 'no directory for the socket',
    pool: ({ dir }) => ({ 'listen.address': `${dir}/no/x.sock` }),
    says: /listen.address: the directory .*\/no does not exist/,
  },
  {
    name: 'a closed directory for the socket',
    who: 'user',
    pool: () => ({ 'listen.address': '/etc/x.sock' }),
    says: /listen.address: .* may not write in the directory \/etc/,
  },
  {
    name: 'no directory for the pid file',
    global: ({ dir }) => `pid_file = "${dir}/no/x.pid"`,
    says: /^fpm-ts.toml:\d+:1: pid_file: the directory .*\/no does not exist/,
  },
  {
    name: 'a directory in the place of the pid file',
    global: ({ dir }) => `pid_file = "${dir}"`,
    says: /pid_file: .* is a directory/,
  },
  {
    name: 'a link in the place of the pid file',
    global: ({ dir }) => `pid_file = "${link(dir)}"`,
    says: /pid_file: .*\/link is a symbolic link/,
  },
  {
    name: 'a log through a link that others may change',
    global: ({ dir }) => `log.file = "${link(openDirectory(dir))}"`,
    says: /log.file: .*\/link is a symbolic link/,
  },
  {
    name: 'no directory for the log',
    global: ({ dir }) => `log.file = "${dir}/no/x.log"`,
    says: /log.file: the directory .*\/no does not exist/,
  },
  {
    name: 'a closed directory for the log',
    who: 'user',
    global: () => 'log.file = "/etc/x.log"',
    says: /log.file: .* may not write in the directory \/etc/,
  },
  {
    name: "no directory for a pool's log",
    pool: ({ dir }) => ({ 'log.file': `${dir}/no/x.log` }),
    says: /www.toml:\d+:1: log.file: the directory .*\/no does not exist/,
  },
  {
    name: 'a path that is too long with its temporary name',
    pool: ({ dir }) => ({ 'listen.address': long(dir, 96) }),
    says: /listen.address: .* is 96 bytes long; .*107/,
  },
  {
    name: 'a directory where the socket is to be',
    pool: ({ dir }) => ({ 'listen.address': closedDirectory(dir) }),
    says: /listen.address: .* is a directory/,
  },
  {
    name: 'a file where the socket is to be',
    pool: ({ dir }) => ({ 'listen.address': script(dir, '') }),
    says: /listen.address: .* is a regular file/,
  },
];

const ADDRESSES: readonly Mistake[] = [
  {
    name: 'a Unix socket that is taken',
    pool: ({ takenSocket }) => ({ 'listen.address': takenSocket }),
    says: /listen.address: .* is taken: .*listens there/,
  },
  {
    name: 'a port that is taken',
    pool: ({ takenPort }) => ({ 'listen.address': `127.0.0.1:${takenPort}` }),
    says: /listen.address: 127.0.0.1:\d+ is taken: .*listens on 127.0.0.1:\d+/,
  },
  {
    name: 'all addresses, one of which is taken',
    pool: ({ takenPort }) => ({ 'listen.address': takenPort }),
    says: /listen.address: \[::\]:\d+ is taken: .*listens on 127.0.0.1:\d+/,
  },
  {
    name: 'an address beside somebody who shares all of them',
    pool: ({ takenDualPort }) => ({ 'listen.address': `127.0.0.1:${takenDualPort}` }),
    says: /listen.address: 127.0.0.1:\d+ is taken: .*listens on \[::\]:\d+/,
  },
  {
    name: 'one socket for two pools',
    other: () => ({}),
    says: /^zzz.toml:\d+:\d+: listen.address: .* is also pool \S+'s/,
  },
  {
    name: 'overlapping addresses of two pools',
    pool: () => ({ 'listen.address': '0.0.0.0:19' }),
    other: () => ({ 'listen.address': '127.0.0.1:19' }),
    says: /^zzz.toml:\d+:\d+: listen.address: 127.0.0.1:19 is also pool \S+'s \(0.0.0.0:19/,
  },
  {
    // RFC 5737: an address for documents, which no machine has.
    name: 'the address of another machine',
    pool: () => ({ 'listen.address': '192.0.2.1:9000' }),
    says: /listen.address: 192.0.2.1 is not an address of this machine/,
  },
];

const COMMANDS: readonly Mistake[] = [
  {
    name: 'no such program',
    pool: ({ dir }) => ({ command: [`${dir}/no-such`] }),
    says: /www.toml:\d+:\d+: command: .*\/no-such does not exist/,
  },
  {
    name: 'no such program in PATH',
    pool: () => ({ command: ['no-such-program'] }),
    says: /command: there is no program no-such-program/,
  },
  {
    name: 'a directory as the program',
    pool: () => ({ command: ['/usr/bin'] }),
    says: /command: \/usr\/bin is a directory/,
  },
  {
    name: 'a program that is not executable',
    pool: ({ dir }) => ({ command: [script(dir, '#!/bin/sh\n', 0o644)] }),
    says: /command: .* may not execute .*\/script \(mode 0644/,
  },
  {
    name: 'a program in a directory that its user may not enter',
    who: 'root',
    pool: ({ dir }) => ({ command: [script(closedDirectory(dir), '#!/bin/sh\n')] }),
    says: /command: www-data .* may not enter .*\/closed \(mode 0700/,
  },
  {
    name: 'a script without its interpreter',
    pool: ({ dir }) => ({ command: [script(dir, '#!/no/such/perl -w\n')] }),
    says: /command: .*\/script needs the interpreter \/no\/such\/perl/,
  },
  {
    name: 'a script whose interpreter is not in PATH',
    pool: ({ dir }) => ({ command: [script(dir, '#!/usr/bin/env no-such-ruby\n')] }),
    says: /command: .*\/script needs the interpreter no-such-ruby/,
  },
  {
    name: 'no such chdir',
    pool: ({ dir }) => ({ chdir: `${dir}/no` }),
    says: /chdir: .*\/no does not exist/,
  },
  {
    name: 'a chdir that the user may not enter',
    who: 'root',
    pool: ({ dir }) => ({ chdir: closedDirectory(dir) }),
    says: /chdir: www-data may not enter .*\/closed/,
  },
  {
    name: 'no such chroot',
    who: 'root',
    pool: ({ dir }) => ({ chroot: `${dir}/no` }),
    says: /chroot: .*\/no does not exist/,
  },
  {
    name: 'a chroot without the right',
    who: 'user',
    pool: () => ({ chroot: '/' }),
    says: /chroot: only root/,
  },
  {
    name: 'a program that is outside of the jail',
    who: 'root',
    pool: ({ dir }) => ({ chroot: jail(dir) }),
    says: /command: \/bin\/sleep does not exist/,
  },
  {
    name: 'a chdir in a jail without a shell',
    who: 'root',
    pool: ({ dir }) => ({ chroot: jail(dir), chdir: '/srv', command: ['/program'] }),
    says: /chdir: .*shell.*\/jail\/bin\/sh/,
  },
];

const LIMITS: readonly Mistake[] = [
  {
    name: 'fewer workers in all than the pools need',
    global: () => 'process.max = 1',
    says: /^fpm-ts.toml:\d+:1: process.max: 1 is below the 2 workers/,
  },
  {
    name: 'more files than the kernel ever gives',
    pool: () => ({ rlimit_files: 2_000_000_000 }),
    says: /: rlimit_files: 2000000000 is above fs.nr_open/,
  },
  {
    name: 'a limit above the hard limit',
    who: 'user',
    pool: ({ lockableBytes }) => ({ rlimit_memlock: lockableBytes + 1 }),
    says: /: rlimit_memlock: \d+ bytes is above the hard limit, \d+ bytes/,
  },
  {
    name: 'a higher priority',
    who: 'user',
    pool: () => ({ 'process.priority': -5 }),
    says: /: process.priority: -5/,
  },
  {
    name: 'more safety from the out-of-memory killer',
    who: 'user',
    pool: () => ({ 'process.oom_score_adj': -500 }),
    says: /: process.oom_score_adj: -500/,
  },
];

export const ON_SYSTEM: readonly Mistake[] = [...ACCOUNTS, ...PATHS, ...ADDRESSES, ...COMMANDS, ...LIMITS];
