/** The path of a Unix socket: its length, its directory, and what stands there already. */
import type { Stats } from 'node:fs';
import { dirname } from 'node:path';
import { holderOf, listenerInode, probeUnixSocket, TEMPORARY_SUFFIX_BYTES } from '../../os/address.ts';
import { UNIX_PATH_MAX_BYTES } from '../../os/sockaddr.ts';
import { kindOf } from '../read-file.ts';
import type { Report } from './findings.ts';
import { describeOccupant, type LeftListeners } from './occupant.ts';
import { checkWritableDirectory, ownership, peek } from './places.ts';
import type { Self } from './self.ts';

export interface SocketPlace {
  readonly key: string;
  readonly path: string;
  /** Made at the start when it is missing; it has been checked by itself. */
  readonly runDir: string;
  /** A running supervisor of this configuration listens there: that is no conflict. */
  readonly isOurs: boolean;
  readonly left: LeftListeners;
}

const LENGTH_MAX_BYTES = UNIX_PATH_MAX_BYTES - TEMPORARY_SUFFIX_BYTES;

export function checkSocketPath(
  { key, path, runDir, isOurs, left }: SocketPlace,
  self: Self,
  report: Report,
): void {
  const length = Buffer.byteLength(path);
  if (length > LENGTH_MAX_BYTES) {
    const message = `${path} is ${length} bytes long; with the temporary name of a new generation it must fit into ${UNIX_PATH_MAX_BYTES} bytes`;
    report.error(key, message, `shorten it to ${LENGTH_MAX_BYTES} bytes`);
    return;
  }
  const directory = dirname(path);
  const isInRunDir = directory === runDir;
  if (isInRunDir && peek(runDir) === null) return;
  const parent = checkWritableDirectory(key, directory, self, isInRunDir ? SILENT : report);
  if (parent === null) return;
  const stat = peek(path);
  if (stat === null) return;
  if (!stat.isSocket()) {
    const message = `${path} is ${kindOf(stat)}, and only a socket is ever replaced`;
    report.error(key, message, 'choose another path, or remove it yourself');
    return;
  }
  if (isOurs) return;
  checkOccupant(key, path, left, report);
  if (isSticky(parent) && ![stat.uid, parent.uid].includes(self.uid) && !self.capabilities.has('fowner')) {
    const message = `${path} belongs to somebody else (${ownership(stat)}), who alone may replace it in ${directory}`;
    report.error(key, message, 'choose another path, or let its owner remove it');
  }
}

/** What is wrong with run_dir is said once, under its own key. */
const SILENT: Report = { error: () => {}, notice: () => {}, untested: () => {} };

function checkOccupant(key: string, path: string, left: LeftListeners, report: Report): void {
  const inode = inodeAt(path);
  if (inode !== null && left.inodes.has(inode)) return;
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
  if (found !== 'listening') return;
  const { who, remedy } = describeOccupant(
    inode === null ? null : holderOf(inode),
    'another process',
    'another path',
    left,
  );
  report.error(key, `${path} is taken: ${who} listens there`, remedy);
}

/** @returns null: nobody listens there, or the kernel does not tell who */
function inodeAt(path: string): number | null {
  try {
    return listenerInode(path);
  } catch {
    return null;
  }
}

function isSticky({ mode }: Stats): boolean {
  return (mode & 0o1000) !== 0;
}
