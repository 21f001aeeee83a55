/**
 * The same command line for the real spawn-fcgi and for `fpm-ts spawn`, each in a directory of its own, and what can
 * be seen of its result from outside. The program is `inspect`, which answers what it was started with.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, lstatSync, mkdirSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import type { ConnectAddress } from '../../src/client/pool-target.ts';
import { type CommandResult, cleanEnvironment, runCommand } from './command.ts';
import { type Inspection, inspectPool } from './inspect.ts';
import { assertNothingLeft, type Watch, watchProcesses } from './leftovers.ts';
import { MAIN } from './paths.ts';
import { until } from './poll.ts';
import { isAlive, kill, readStat, type Seen } from './processes.ts';
import type { Scope } from './suite.ts';

export type Kind = 'spawn-fcgi' | 'fpm-ts';
export const KINDS: readonly Kind[] = ['spawn-fcgi', 'fpm-ts'];

/** What it is run with. */
export interface SpawnCaller {
  /** By default the root or user that runs the tests, with the built main.js. */
  readonly fpmTs?: readonly string[];
  /** Stands in front of both: setpriv, say. */
  readonly as?: readonly string[];
  readonly umask?: string;
  readonly env?: NodeJS.ProcessEnv;
}

export interface Spawned extends CommandResult {
  readonly kind: Kind;
  /** Where it was called, and what relative paths are relative to. */
  readonly dir: string;
  /** Those that it said it spawned. */
  readonly pids: readonly number[];
  readonly watch: Watch;
}

/** Runs it; whatever it spawned is ended with the suite by a SIGTERM to the pids that it named. */
export async function runSpawn(
  scope: Scope,
  kind: Kind,
  dir: string,
  args: readonly string[],
  caller: SpawnCaller = {},
): Promise<Spawned> {
  const { fpmTs = [process.execPath, MAIN], as = [], umask = '022', env = cleanEnvironment() } = caller;
  const program = kind === 'spawn-fcgi' ? ['spawn-fcgi'] : [...fpmTs, 'spawn'];
  const line = ['-c', `umask ${umask}; exec "$@"`, 'sh', ...as, ...program, ...args];
  const result = await runCommand('/bin/sh', line, { cwd: dir, env });
  const pids = [...result.stdout.matchAll(/child spawned successfully: PID: (\d+)/g)].map(([, pid]) =>
    Number(pid),
  );
  const watch = watchProcesses();
  watch.look(pids);
  const spawned = { ...result, kind, dir, pids, watch };
  scope.defer(() => endSpawned(spawned));
  return spawned;
}

/** By a SIGTERM to the pids that it named. spawn-fcgi leaves its socket. Harmless twice. */
export async function endSpawned({ pids, watch, kind, dir }: Spawned): Promise<void> {
  watch.look(pids);
  const seen = pids.map(readStat).filter(stat => stat !== undefined);
  for (const it of seen) kill(it, 'SIGTERM');
  await untilGone(seen);
  if (kind === 'fpm-ts' && pids.length > 0) await assertNothingLeft(watch, dir);
}

export async function untilGone(processes: readonly Seen[]): Promise<void> {
  await until(() => !processes.some(isAlive), { what: 'what was spawned to end', deadlineMs: 15_000 });
}

/** Its two directories, named after what is tried. */
export function directoriesFor(
  scope: Scope,
  name: string,
  fill: (dir: string) => void = () => {},
): Readonly<Record<Kind, string>> {
  const made = (kind: Kind): string => {
    const dir = join(scope.dir, name, kind);
    mkdirSync(dir, { recursive: true });
    fill(dir);
    return dir;
  };
  return { 'spawn-fcgi': made('spawn-fcgi'), 'fpm-ts': made('fpm-ts') };
}

/** What can be compared: paths are those below the directory of each. */
export interface Facts {
  readonly code: number | null;
  readonly stderr: string;
  readonly socket: string | null;
  readonly backlog: number;
  readonly pidFile: string | null;
  readonly inspection: Inspection;
}

/** @param socket a path below the directory; null: TCP */
export async function factsOf(
  spawned: Spawned,
  socket: string | null,
  address: ConnectAddress = { type: 'unix', path: join(spawned.dir, socket ?? '') },
): Promise<Facts> {
  const { code, stderr, stdout, dir } = spawned;
  if (code !== 0) throw new Error(`${spawned.kind}: exit code ${code}\n${stdout}${stderr}`);
  const inspection = await inspectPool(address);
  const pidFile = join(dir, 'app.pid');
  return {
    code,
    stderr,
    socket: socket === null ? null : ownership(join(dir, socket)),
    backlog: backlogOf(inspection.pid),
    pidFile: existsSync(pidFile) ? ownership(pidFile) : null,
    inspection,
  };
}

/** Owner, group and permission bits, as `stat -c '%u:%g %a'` prints them. */
export function ownership(path: string): string {
  const { uid, gid, mode } = lstatSync(path);
  return `${uid}:${gid} ${(mode & 0o7777).toString(8)}`;
}

/** How many may wait on descriptor 0, as ss(8) tells it. */
function backlogOf(pid: number): number {
  const inode = /\[(\d+)\]/.exec(readlinkSync(`/proc/${pid}/fd/0`))?.[1] ?? '';
  const rows = execFileSync('ss', ['-Hlnxte'], { encoding: 'utf8' }).split('\n');
  const row = rows.find(it => new RegExp(`\\b(ino:)?${inode}\\b`).test(it));
  if (row === undefined) throw new Error(`no listener with inode ${inode} in:\n${rows.join('\n')}`);
  return Number(row.trim().split(/\s+/)[3]);
}

/** What is open, as `NUMBER -> WHAT`, without the numbers of pipes and sockets. */
export function openFiles(pid: number): string[] {
  return readdirSync(`/proc/${pid}/fd`).map(
    name => `${name} -> ${readlinkSync(`/proc/${pid}/fd/${name}`).replace(/\[\d+\]/, '')}`,
  );
}

/** The configuration of a spawn, from the title of its keeper. */
export function configOf(keeper: number): string {
  const title = readFileSync(`/proc/${keeper}/cmdline`, 'utf8').split('\0', 1)[0] ?? '';
  const file = /^fpm-ts: keeper \((.*)\)$/.exec(title)?.[1];
  if (file === undefined) throw new Error(`no configuration in the title ${title}`);
  return file;
}
