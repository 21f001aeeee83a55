/** Where the standard error of a keeper leads: a file, a service manager's journal, or somewhere that cannot be read. */
import { statSync } from 'node:fs';
import { linkOf, read } from '../../os/proc.ts';

const STDERR = 2;

export interface KeeperStderr {
  /** As /proc shows it; null: we may not see it. */
  readonly link: string | null;
  /** Started in the background, it has none. */
  readonly isNowhere: boolean;
  /** A regular file, by the shell's `2>>FILE`. */
  readonly file?: string;
  /** How journalctl is told the unit; null: it is not a service, or its standard error is something else. */
  readonly journal: string | null;
}

export function stderrOf(keeper: number): KeeperStderr {
  const link = linkOf(keeper, STDERR);
  const isFile =
    link?.startsWith('/') === true && statSync(link, { throwIfNoEntry: false })?.isFile() === true;
  const isSocket = link === null || link.startsWith('socket:');
  return {
    link,
    isNowhere: link === '/dev/null',
    ...(isFile && { file: link }),
    journal: isSocket ? unitOf(read(`/proc/${keeper}/cgroup`) ?? '') : null,
  };
}

/** Of the processes that systemd starts, the control group names the unit. */
export function unitOf(cgroups: string): string | null {
  const path = /^(?:0:|\d+:name=systemd):(\/.*)$/m.exec(cgroups)?.[1] ?? '';
  const unit = /\/([\w@.\\:-]+\.service)$/.exec(path)?.[1];
  if (unit === undefined) return null;
  return /\/user@\d+\.service\/./.test(path) ? `--user -u ${unit}` : `-u ${unit}`;
}
