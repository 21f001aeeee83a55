/** The command of a pool, and the programs that stand in front of it. */
import { basename, delimiter, resolve } from 'node:path';
import { DEFAULT_PATH } from '../../os/programs.ts';
import { ENV_IN_JAIL, lateVariable } from '../late-variables.ts';
import { rlimitsOf } from '../rlimits.ts';
import type { PoolConfig } from '../types.ts';
import { checkExecutable, checkInPath, isProgram, type Subject } from './executable.ts';
import type { Report } from './findings.ts';
import type { WorkerActor } from './identity.ts';
import type { Actor } from './permission.ts';
import type { Self } from './self.ts';
import { walk } from './walk.ts';
import type { WorkerView } from './worker-view.ts';

/** The command itself: there, a program, and the worker's user may execute it. */
export function checkCommand(pool: PoolConfig, view: WorkerView, self: Self, report: Report): void {
  const [program = ''] = pool.command;
  const subject: Subject = { key: 'command', report, self };
  if (program.includes('/')) checkExecutable(resolve(view.chdir, program), view, subject);
  else checkInPath(program, view, subject);
  if (pool.chroot === undefined || pool.chdir === '/') return;
  const inJail = `${pool.chroot}/bin/sh`;
  if (!isProgram('/bin/sh', view.actor, view.root)) {
    const message = `chdir inside a chroot is done by a shell, and ${view.actor.label} cannot execute ${inJail}`;
    report.error('chdir', message, `put a shell at ${inJail}, or leave chdir out`);
  }
}

interface Helper {
  readonly program: string;
  /** The key that asks for it. */
  readonly key: string;
  readonly package: string;
}

/** The programs of util-linux and coreutils that this pool's settings need; its own PATH has no say in them. */
export function checkHelpers(
  pool: PoolConfig,
  actor: WorkerActor,
  self: Self,
  report: Report,
  path: string = DEFAULT_PATH,
): void {
  for (const { program, key, package: from } of helpersOf(pool, actor)) {
    const candidates = program.startsWith('/')
      ? [program]
      : path.split(delimiter).map(directory => resolve(directory, program));
    if (candidates.some(path => isProgram(path, self, '/'))) continue;
    const message = `needs the program ${program}, which is not in ${path}`;
    report.error(key, message, `install it: apt-get install ${from}`);
  }
}

function helpersOf(pool: PoolConfig, actor: WorkerActor): Helper[] {
  const isJailed = pool.chroot !== undefined;
  const { priority, oomScoreAdj, noNewPrivileges } = pool.process;
  const [[rlimit] = []] = rlimitsOf(pool);
  const needs: [boolean, Helper][] = [
    [pool.listen.pass === 'systemd', { program: '/bin/sh', key: 'listen.pass', package: 'dash' }],
    [priority !== 0, { program: 'nice', key: 'process.priority', package: 'coreutils' }],
    [oomScoreAdj !== 0, { program: 'choom', key: 'process.oom_score_adj', package: 'util-linux' }],
    [rlimit !== undefined, { program: 'prlimit', key: `rlimit_${rlimit}`, package: 'util-linux' }],
    [noNewPrivileges, { program: 'setpriv', key: 'process.no_new_privileges', package: 'util-linux' }],
    [
      actor.isOther && !isJailed && !noNewPrivileges,
      { program: 'setpriv', key: 'user', package: 'util-linux' },
    ],
    [isJailed, { program: 'chroot', key: 'chroot', package: 'coreutils' }],
  ];
  return needs.filter(([isNeeded]) => isNeeded).map(([, helper]) => helper);
}

/** Who sets the pool's variables behind the programs in front of the command; without those, posix_spawn(3) does. */
export function checkEnv(
  pool: PoolConfig,
  { actor, root }: WorkerView,
  self: Self,
  {
    env = process.env,
    helperPath = DEFAULT_PATH,
  }: { readonly env?: NodeJS.ProcessEnv; readonly helperPath?: string },
  report: Report,
): void {
  const late = lateVariable(pool, env);
  if (late === null || helpersOf(pool, actor).length === 0) return;
  const { name, key } = late;
  const [program = ''] = pool.command;
  if (program.includes('=')) {
    const message = `env(1) sets ${name} and starts the command, and takes ${program} for a variable`;
    report.error('command', message, 'name the program without an equals sign, through a link for instance');
  }
  const isInJail = pool.chroot !== undefined;
  const candidates = isInJail ? [ENV_IN_JAIL] : helperPath.split(delimiter).map(it => resolve(it, 'env'));
  const executor = isInJail ? actor : self;
  const found = candidates.find(it => isProgram(it, executor, root));
  if (found !== undefined && isGnuEnv(found, executor, root)) return;
  const place = isInJail ? `${pool.chroot}${ENV_IN_JAIL}` : 'env';
  const message = `${name} is set by \`env -S\` once the worker has its user, and there is no ${place} of GNU coreutils 8.30 or newer`;
  const remedy = isInJail
    ? `copy /usr/bin/env and its libraries into the jail, or give the worker no variable: ${key} sets ${name}`
    : 'install it: apt-get install coreutils';
  report.error(key, message, remedy, { element: name });
}

/** env(1) of busybox and toybox has no -S. */
function isGnuEnv(path: string, actor: Actor, root: string): boolean {
  const end = walk(path, actor, root);
  return end.found && !/busybox|toybox/.test(basename(end.path));
}
