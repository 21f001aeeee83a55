/** The file system as a pool's workers see it: their jail, their directory, their PATH. */
import { delimiter, join } from 'node:path';
import { DEFAULT_PATH } from '../../os/programs.ts';
import type { PoolConfig } from '../types.ts';
import type { Report } from './findings.ts';
import type { WorkerActor } from './identity.ts';
import { EXECUTE } from './permission.ts';
import { ownership, reportDeadEnd } from './places.ts';
import type { Self } from './self.ts';
import { may, walk } from './walk.ts';

export interface WorkerView {
  readonly actor: WorkerActor;
  /** Where `/` is for the workers, on the host and without links. */
  readonly root: string;
  readonly chdir: string;
  /** Absolute directories. */
  readonly path: readonly string[];
}

/** @returns null when there is no jail as the pool wants it, which has been reported then */
export function viewOf(
  pool: PoolConfig,
  actor: WorkerActor,
  self: Self,
  env: NodeJS.ProcessEnv,
  report: Report,
): WorkerView | null {
  const root = pool.chroot === undefined ? '/' : checkJail(pool.chroot, self, report);
  if (root === null) return null;
  return { actor, root, chdir: pool.chdir, path: workerPath(pool, env) };
}

/** Relative elements of PATH would be looked for in `chdir`; nobody means that, so they are left out. */
function workerPath(pool: PoolConfig, env: NodeJS.ProcessEnv): string[] {
  const passed = !pool.clearEnv || pool.passEnv.includes('PATH') ? env.PATH : undefined;
  const path = pool.env.PATH ?? passed ?? DEFAULT_PATH;
  return path.split(delimiter).filter(directory => directory.startsWith('/'));
}

/** The jail is entered by us, before credentials change. */
function checkJail(chroot: string, self: Self, report: Report): string | null {
  if (!self.capabilities.has('sys_chroot')) {
    report.error(
      'chroot',
      'only root can change the root directory',
      'start fpm-ts as root, or leave it out',
    );
    return null;
  }
  const end = walk(chroot, self);
  if (!end.found) reportDeadEnd('chroot', chroot, end, self, report);
  else if (!end.stat.isDirectory())
    report.error('chroot', `${chroot} is not a directory`, 'correct the path');
  else return end.path;
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
    report.error('chdir', message, 'choose another directory, or change its mode');
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
