/**
 * The path of a Unix socket: its length, its directory, and what stands there already; all with the rights with which it
 * is opened later.
 */
import type { Stats } from 'node:fs';
import { dirname } from 'node:path';
import {
  type Holder,
  holderOf,
  listenerInode,
  probeUnixSocket,
  TEMPORARY_SUFFIX_BYTES,
} from '../../os/address.ts';
import type { FileUser } from '../../os/file-rights.ts';
import { UNIX_PATH_MAX_BYTES } from '../../os/sockaddr.ts';
import { rightsForSocket } from '../../os/socket-place.ts';
import { kindOf } from '../read-file.ts';
import type { Report } from './findings.ts';
import { describeOccupant, type LeftListeners } from './occupant.ts';
import { checkWritableDirectory, lookWith, ownership, peek } from './places.ts';
import type { Self } from './self.ts';

export interface SocketPlace {
  readonly key: string;
  readonly path: string;
  /** Made at the start when it is missing; it has been checked by itself. */
  readonly runDir: string;
  /** A running supervisor of this configuration listens there: that is no conflict. */
  readonly isOurs: boolean;
  readonly left: LeftListeners;
  /** Whose pool it is, as in os/socket-place.ts; null: the socket is our own. */
  readonly user: FileUser | null;
}

const LENGTH_MAX_BYTES = UNIX_PATH_MAX_BYTES - TEMPORARY_SUFFIX_BYTES;

export function checkSocketPath(place: SocketPlace, self: Self, report: Report): void {
  const { key, path, user, left } = place;
  const length = Buffer.byteLength(path);
  if (length > LENGTH_MAX_BYTES) {
    const message = `${path} is ${length} bytes long; with the temporary name of a new generation it must fit into ${UNIX_PATH_MAX_BYTES} bytes`;
    report.error(key, message, `shorten it to ${LENGTH_MAX_BYTES} bytes`);
    return;
  }
  const taken = lookWith(rightsForSocket(path, user), self, report, (looker, to) =>
    checkPlace(place, looker, to),
  );
  if (taken === null) return;
  // Looked for with our rights: that somebody listens there has been seen with those of the place.
  const { who, remedy } = describeOccupant(holderOfListener(taken), 'another process', 'another path', left);
  const forPoolUser = `${path} is taken: another process listens there`;
  report.error(key, `${path} is taken: ${who} listens there`, remedy, { forPoolUser });
}

/** The inode of a socket that listens there; null where none is known. */
type Listening = { readonly inode: number | null } | null;

/** @returns who listens there already, which is not reported yet */
function checkPlace({ key, path, runDir, isOurs, left }: SocketPlace, self: Self, report: Report): Listening {
  const directory = dirname(path);
  const isInRunDir = directory === runDir;
  if (isInRunDir && peek(runDir) === null) return null;
  const parent = checkWritableDirectory(key, directory, self, isInRunDir ? SILENT : report);
  if (parent === null) return null;
  const stat = peek(path);
  if (stat === null) return null;
  if (!stat.isSocket()) {
    const message = `${path} is ${kindOf(stat)}, and only a socket is ever replaced`;
    report.error(key, message, 'choose another path, or remove it yourself');
    return null;
  }
  if (isOurs) return null;
  if (isSticky(parent) && ![stat.uid, parent.uid].includes(self.uid) && !self.capabilities.has('fowner')) {
    const message = `${path} belongs to somebody else (${ownership(stat)}), who alone may replace it in ${directory}`;
    report.error(key, message, 'choose another path, or let its owner remove it');
  }
  return checkOccupant(key, path, left, report);
}

/** What is wrong with run_dir is said once, under its own key. */
const SILENT: Report = { error: () => {}, notice: () => {}, untested: () => {} };

function checkOccupant(key: string, path: string, left: LeftListeners, report: Report): Listening {
  const inode = inodeAt(path);
  if (inode !== null && left.inodes.has(inode)) return null;
  const found = probeUnixSocket(path);
  if (found === 'denied')
    report.error(
      key,
      `${path} may be taken: we may not connect to it, to see`,
      'choose another path, or remove it',
    );
  if (found === 'other')
    report.error(
      key,
      `${path} is a socket of another type, not one that we would replace`,
      'choose another path',
    );
  return found === 'listening' ? { inode } : null;
}

function inodeAt(path: string): number | null {
  try {
    return listenerInode(path);
  } catch {
    return null; // no netlink here, or it has just gone: the connect has said enough
  }
}

function holderOfListener({ inode }: Exclude<Listening, null>): Holder | null {
  return inode === null ? null : holderOf(inode);
}

function isSticky({ mode }: Stats): boolean {
  return (mode & 0o1000) !== 0;
}
