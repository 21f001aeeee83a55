/** The file system as a pool's workers see it: their jail, their directory, their PATH. */
import { closeSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { NOBODY, rightsFor } from '../../os/exchange.ts';
import { withRightsOf } from '../../os/file-rights.ts';
import { unlessLed } from '../../os/link-remedy.ts';
import { openAsReference, RESOLVE, WORKING_DIRECTORY } from '../../os/openat2.ts';
import { DEFAULT_PATH } from '../../os/programs.ts';
import type { PoolConfig } from '../types.ts';
import type { Report } from './findings.ts';
import type { WorkerActor } from './identity.ts';
import { type Actor, EXECUTE } from './permission.ts';
import { lookWith, ownership, reportDeadEnd } from './places.ts';
import type { Self } from './self.ts';
import { may, walk } from './walk.ts';

export interface WorkerView {
  readonly actor: WorkerActor;
  /** Where `/` is for the workers, on the host and without links; and as a descriptor. */
  readonly root: string;
  readonly rootDescriptor: number;
  readonly chdir: string;
  /** Absolute directories. */
  readonly path: readonly string[];
}

/**
 * Looks at what the workers will see with their rights: what their user exchanges meanwhile leads us nowhere that he
 * could not go himself. Left out when there is no jail as the pool wants it, which has been reported then.
 */
export function lookAsWorker(
  pool: PoolConfig,
  actor: WorkerActor,
  self: Self,
  env: NodeJS.ProcessEnv,
  report: Report,
  look: (view: WorkerView, report: Report) => void,
): void {
  const seen = { actor, chdir: pool.chdir, path: workerPath(pool, env, report) };
  if (pool.chroot === undefined) {
    withRightsOf(actor, () => look({ ...seen, root: '/', rootDescriptor: WORKING_DIRECTORY }, report));
    return;
  }
  const jail = openJail(pool.chroot, actor, self, report);
  if (jail === null) {
    report.untested('command and directories', 'there is no such chroot');
    return;
  }
  const { descriptor: rootDescriptor, path } = jail;
  try {
    const root = `/proc/self/fd/${rootDescriptor}`;
    withRightsOf(actor, () => look({ ...seen, root, rootDescriptor }, naming(root, path, report)));
  } finally {
    closeSync(rootDescriptor);
  }
}

/** Says the name of the jail for the descriptor's. */
function naming(root: string, jail: string, report: Report): Report {
  const named = (text: string): string => text.replaceAll(root, jail);
  return {
    error: (key, message, remedy, more) => report.error(key, named(message), named(remedy), more),
    notice: (key, message, remedy, more) => report.notice(key, named(message), named(remedy), more),
    untested: (what, why) => report.untested(named(what), named(why)),
  };
}

/** More than any honest one has; where it is looked through, it is so at each start of a worker. */
const PATH_DIRECTORIES_MAX = 100;

/** Relative elements of PATH would be looked for in `chdir`; nobody means that, so they are left out. */
function workerPath(pool: PoolConfig, env: NodeJS.ProcessEnv, report: Report): string[] {
  const passed = !pool.clearEnv || pool.passEnv.includes('PATH') ? env.PATH : undefined;
  const path = (pool.env.PATH ?? passed ?? DEFAULT_PATH).split(delimiter);
  if (path.length > PATH_DIRECTORIES_MAX) {
    const message = `PATH has ${path.length} directories, and no more than ${PATH_DIRECTORIES_MAX} are searched`;
    const key = pool.secretEnv.includes('PATH') ? 'env_files' : 'env';
    report.error(key, message, 'shorten it', { element: 'PATH' });
  }
  return path.slice(0, PATH_DIRECTORIES_MAX).filter(directory => directory.startsWith('/'));
}

interface Jail {
  readonly path: string;
  readonly descriptor: number;
}

/** The jail is entered by us, before credentials change. Where others could exchange it, we look with their rights. */
function openJail(chroot: string, actor: WorkerActor, self: Self, report: Report): Jail | null {
  if (!self.capabilities.has('sys_chroot')) {
    report.error(
      'chroot',
      'only root can change the root directory',
      'start fpm-ts as root, or leave it out',
    );
    return null;
  }
  // Root's would be no limit.
  const rights = rightsFor(chroot, actor.uid === 0 ? NOBODY : actor);
  return lookWith(rights, self, report, (looker, to) => tryJail(chroot, looker, to));
}

/** As a descriptor, because the way to it may be closed to the workers, who begin inside. */
function tryJail(chroot: string, actor: Actor, report: Report): Jail | null {
  const end = walk(chroot, actor);
  if (!end.found) reportDeadEnd('chroot', chroot, end, actor, report);
  else if (!end.stat.isDirectory())
    report.error('chroot', `${chroot} is not a directory`, 'correct the path');
  else
    try {
      return {
        path: end.path,
        descriptor: openAsReference(WORKING_DIRECTORY, end.path, RESOLVE.noLinks),
      };
    } catch (error) {
      report.error('chroot', `${chroot} cannot be opened: ${(error as Error).message}`, 'check again');
    }
  return null;
}

/** The working directory, which the worker must be able to enter. */
export function checkDirectory(view: WorkerView, report: Report): void {
  const { actor, chdir, root } = view;
  const end = walk(chdir, actor, root);
  if (!end.found) {
    reportDeadEnd('chdir', chdir, end, actor, report);
    return;
  }
  if (!end.stat.isDirectory()) {
    report.error('chdir', `${chdir} is not a directory`, 'correct the path');
    return;
  }
  const mayEnter = may(actor, end.path, end.stat, EXECUTE);
  if (mayEnter === null) report.untested(`chdir ${chdir}`, 'its access list cannot be read');
  if (mayEnter === false) {
    const message = `${actor.label} may not enter ${end.path} (${ownership(end.stat)})`;
    report.error('chdir', message, unlessLed(end.link, 'choose another directory, or change its mode'));
  }
}

/** Only `request` and `serve` say it, and a deploy may bring it later: worth a notice. */
export function checkDocumentRoot(pool: PoolConfig, view: WorkerView, report: Report): void {
  if (pool.documentRoot === undefined) return;
  const end = walk(pool.documentRoot, view.actor, view.root);
  const remedy = 'scripts that `request` and `serve` name are looked for there';
  if (!end.found && end.why === 'closed')
    report.notice(
      'document_root',
      `${view.actor.label} may not enter ${end.at} (${ownership(end.stat)})`,
      remedy,
    );
  else if (!end.found)
    report.notice('document_root', `there is no ${join(view.root, pool.documentRoot)}`, remedy);
  else if (!end.stat.isDirectory()) report.notice('document_root', 'is not a directory', remedy);
}
