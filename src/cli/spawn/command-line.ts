/**
 * The options of spawn-fcgi, as its man page and its source have them (spawn-fcgi 1.6.4, spawn-fcgi.c), and what they
 * ask for. Mistakes are told in its words; where it goes on with a number that it could not read, we do not.
 */
import { isIP } from 'node:net';
import { SpawnRefused } from './refused.ts';

/** As commander yields them. */
export interface SpawnOptions {
  readonly f?: string;
  readonly d?: string;
  readonly a?: string;
  readonly p?: string;
  readonly s?: string;
  readonly M?: string;
  readonly C?: string;
  readonly F?: string;
  readonly b?: string;
  readonly P?: string;
  readonly n?: boolean;
  readonly c?: string;
  readonly S?: boolean;
  readonly u?: string;
  readonly g?: string;
  readonly U?: string;
  readonly G?: string;
}

export type SpawnAddress =
  | { readonly type: 'unix' /** As it was said. */; readonly path: string }
  | { readonly type: 'tcp'; readonly host: string; readonly port: number };

export interface SpawnRequest {
  readonly app: readonly string[];
  /** A command for /bin/sh; only where there is no `app`. */
  readonly shellCommand: string;
  readonly address: SpawnAddress;
  /** Of the socket file; null: as the umask allows. */
  readonly mode: number | null;
  readonly backlog: number;
  readonly workers: number;
  /** PHP_FCGI_CHILDREN; null: as the environment has it. */
  readonly phpChildren: number | null;
  readonly pidFile: string | null;
  readonly isForeground: boolean;
  /** As they were said; null: not said. */
  readonly directory: string | null;
  readonly chroot: string | null;
  readonly isSocketOutside: boolean;
  readonly user: string | null;
  readonly group: string | null;
  readonly socketUser: string | null;
  readonly socketGroup: string | null;
}

const ROOT_ONLY = ['c', 'S', 'u', 'g', 'U', 'G'] as const;
/** sockaddr_un(7): the path and its NUL have 108 bytes. */
const SOCKET_PATH_MAX_BYTES = 107;
const DEFAULT_BACKLOG = 1024;
/** More than any net.core.somaxconn, at which the kernel stops. */
const BACKLOG_MAX = 65_535;
const WORKERS_MAX = 100_000;

/** What root alone may say, and others did: spawn-fcgi passes over it. */
export function ignoredOptions(options: SpawnOptions, isRoot: boolean): string[] {
  return isRoot ? [] : ROOT_ONLY.filter(name => options[name] !== undefined).map(name => `-${name}`);
}

/** @throws {SpawnRefused} */
export function readRequest(said: SpawnOptions, app: readonly string[], isRoot: boolean): SpawnRequest {
  const options: SpawnOptions = isRoot
    ? said
    : Object.fromEntries(Object.entries(said).filter(([name]) => !ROOT_ONLY.includes(name as never)));
  const { f, d, M, C, F, b, P, n, c, S, u, g, U, G } = options;
  if (app.length === 0 && f === undefined) throw new SpawnRefused('no FastCGI application given');
  const children = C === undefined ? -1 : wholeNumber('-C', C);
  const backlog = b === undefined ? DEFAULT_BACKLOG : wholeNumber('-b', b);
  return {
    app,
    shellCommand: f ?? '',
    address: readAddress(options),
    mode: M === undefined ? null : readMode(M),
    // listen(2) takes a negative one for the largest; 0 lets one wait, as 1 does for all that can be told.
    backlog: backlog < 0 ? BACKLOG_MAX : Math.min(Math.max(backlog, 1), BACKLOG_MAX),
    workers: F === undefined ? 1 : readWorkers(F),
    phpChildren: children < 0 ? null : children,
    pidFile: n === true ? null : (P ?? null),
    isForeground: n === true,
    directory: d ?? null,
    chroot: c ?? null,
    isSocketOutside: S === true,
    user: u ?? null,
    group: g ?? null,
    socketUser: U ?? null,
    socketGroup: G ?? null,
  };
}

function readAddress({ a, p, s }: SpawnOptions): SpawnAddress {
  const port = p === undefined || p === '' ? 0 : Number(p);
  if (!/^\d*$/.test(p ?? '') || port > 65_535) throw new SpawnRefused(`invalid port: ${p}`);
  if (port === 0 && s === undefined) throw new SpawnRefused('no socket given (use either -p or -s)');
  if (s === undefined) {
    const host = a ?? '0.0.0.0';
    if (isIP(host) === 0 || host.includes('%')) throw new SpawnRefused(`'${host}' is not a valid IP address`);
    return { type: 'tcp', host, port };
  }
  if (port !== 0) throw new SpawnRefused('either a Unix domain socket or a TCP-port, but not both');
  if (Buffer.byteLength(s) > SOCKET_PATH_MAX_BYTES)
    throw new SpawnRefused('path of the Unix domain socket is too long');
  if (s === '') throw new SpawnRefused('bind failed: the path of the Unix domain socket is empty');
  return { type: 'unix', path: s };
}

function readMode(text: string): number {
  if (/^0*[0-7]{1,3}$/.test(text)) return Number.parseInt(text, 8);
  throw new SpawnRefused(`invalid mode: ${text} (-M takes octal digits such as 0660)`);
}

function readWorkers(text: string): number {
  const count = wholeNumber('-F', text);
  if (count >= 1 && count <= WORKERS_MAX) return count;
  throw new SpawnRefused(`invalid number of children: ${text} (-F takes 1 to ${WORKERS_MAX})`);
}

function wholeNumber(option: string, text: string): number {
  if (/^[+-]?\d+$/.test(text)) return Number(text);
  throw new SpawnRefused(`invalid number: ${text} (${option} takes a whole one)`);
}
