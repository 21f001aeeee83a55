/**
 * What every program of ours that reads bytes from the network does before it reads the first one: it gives
 * up root, for good. It does so itself, and not the one who starts it, because a clone in /root can only be
 * loaded by root; so whatever it needs must be loaded before.
 */
import { readFileSync } from 'node:fs';

export interface Identity {
  readonly uid: number;
  readonly gid: number;
  /** Supplementary groups; none when left out. */
  readonly groups?: readonly number[];
}

/** The kernel's own idea of nobody (overflowuid), and that of every distribution of today. */
const NOBODY: Identity = { uid: 65_534, gid: 65_534 };

/** The user `nobody` of /etc/passwd, or 65534. */
export function nobody(): Identity {
  let passwd: string;
  try {
    passwd = readFileSync('/etc/passwd', 'utf8');
  } catch {
    return NOBODY;
  }
  const entry = /^nobody:[^:]*:(\d+):(\d+):/m.exec(passwd);
  const found = { uid: Number(entry?.[1] ?? 0), gid: Number(entry?.[2] ?? 0) };
  return found.uid === 0 || found.gid === 0 ? NOBODY : found;
}

/**
 * Becomes `identity`; does nothing when this process is not root.
 * @throws RangeError for root itself, Error when it did not work: then nothing may be served.
 */
export function giveUpRoot(identity: Identity): void {
  const { geteuid, setgroups, setgid, setuid } = process;
  if (geteuid?.() !== 0) return;
  if (identity.uid === 0 || identity.gid === 0) throw new RangeError('root is not somebody else');
  // In this order: after setuid the others are not allowed any more.
  setgroups?.([...(identity.groups ?? [])]);
  setgid?.(identity.gid);
  setuid?.(identity.uid);
  if (process.geteuid?.() === 0 || process.getuid?.() === 0) throw new Error('root could not be given up');
}
