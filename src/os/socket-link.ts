/**
 * A second name of a socket file. Where fs.protected_hardlinks is set, the kernel lets only the owner of a socket link
 * it, and `listen.owner` may be another user than the one whose rights count in its directory (socket-place.ts). So
 * this one call has CAP_FOWNER on top of that user's rights: it links our own file, which is held by a descriptor, and
 * gets it into no directory where that user may not write.
 */
import { constants, fstatSync, openSync } from 'node:fs';
import { withCapability } from './capabilities.ts';
import { closing } from './descriptor.ts';
import type { FileUser } from './file-rights.ts';
import { declare, must } from './libc.ts';
import { type FileIdentity, isOwnFile, isSame } from './listener.ts';
import { touchSocket } from './socket-place.ts';

const linkat = declare('int linkat(int, const char*, int, const char*, int)');

/** O_PATH: names the file, whatever it is, and opens nothing. */
const REFERENCE = 0o10000000 | constants.O_NOFOLLOW;
const WORKING_DIRECTORY = -100;
const AT_SYMLINK_FOLLOW = 0x400;

/**
 * @param file what `from` is taken for. Another file is never linked
 * @param prepare makes room for the new name, with the same rights
 * @throws {Error} EEXIST when there is something at `to`
 */
export function linkSocket(
  from: string,
  to: string,
  file: FileIdentity,
  user: FileUser,
  prepare: () => void = () => {},
): void {
  touchSocket(from, user, () => {
    prepare();
    closing(openSync(from, REFERENCE), reference => {
      const stat = fstatSync(reference);
      if (!stat.isSocket() || !isSame(stat, file)) throw new Error(`${from} was replaced by another file`);
      withCapability('fowner', () => link(`/proc/self/fd/${reference}`, to, stat.uid));
    });
    if (!isOwnFile(to, file)) throw new Error(`the directory of ${to} was replaced by another one`);
  });
}

function link(reference: string, to: string, owner: number): void {
  try {
    must(linkat(WORKING_DIRECTORY, reference, WORKING_DIRECTORY, to, AT_SYMLINK_FOLLOW), 'link', to);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EPERM') throw error;
    throw new Error(
      `${(error as Error).message}: the socket belongs to uid ${owner}, so fpm-ts needs CAP_FOWNER (CapabilityBoundingSet= of the service), and a file system that has hard links`,
      { cause: error },
    );
  }
}
