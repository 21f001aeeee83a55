/**
 * Whose supervisor a client talks to. Anybody may take a socket path in a directory such as /tmp, and would then hear
 * what is asked and answer what he likes. Believed are root, our own user, whoever owns the configuration that was
 * named, and whoever was given the directory of the socket by somebody who is believed.
 */
import { lstatSync, readlinkSync, type Stats, statSync } from 'node:fs';
import { dirname, join, resolve, sep } from 'node:path';
import { FpmError } from '../errors.ts';
import type { Instance } from './instance.ts';

const WRITABLE_BY_OTHERS = 0o022;
const MOST_LINKS = 40;

/** @param uid whom the kernel names as the one who listens there. @throws {FpmError} NOT_RUNNING */
export function mustBeTrusted(
  uid: number,
  { socket, configFile }: Pick<Instance, 'socket' | 'configFile'>,
): void {
  const self = process.geteuid?.() ?? 0;
  if (uid === 0 || uid === self) return;
  if (configFile !== null && ownerOf(configFile) === uid) return;
  if (giftedTo(dirname(socket), self) === uid) return;
  throw new FpmError(
    'NOT_RUNNING',
    `the control socket ${socket} is served by uid ${uid}, who is neither root nor your own user (uid ${self}) nor the owner of the configuration or of a directory that only root could have given to it: nothing was asked. If that is the instance you mean, name its configuration with -c FILE; else remove the socket, or set another run_dir`,
  );
}

/**
 * The first user on the way to a directory who is neither root nor ourselves, where nobody could have put that part
 * there but root or ourselves. null: there is none, or anybody could have.
 */
export function giftedTo(directory: string, self: number): number | null {
  const names = resolve(directory).split(sep).slice(1);
  let parent = '/';
  let parentStat = lstatSync(parent);
  for (let links = 0; names.length > 0; ) {
    const path = join(parent, names.shift() ?? '');
    const stat = lstatSync(path, { throwIfNoEntry: false });
    if (stat === undefined) return null;
    if (stat.uid !== 0 && stat.uid !== self)
      return isOpen(parentStat) || stat.isSymbolicLink() ? null : stat.uid;
    if (!stat.isSymbolicLink()) {
      parent = path;
      parentStat = stat;
      continue;
    }
    if (links++ > MOST_LINKS) return null;
    names.unshift(...resolve(parent, readlinkSync(path)).split(sep).slice(1));
    parent = '/';
    parentStat = lstatSync(parent);
  }
  return null;
}

/** Also with the sticky bit: a name that is free may be taken by anybody. */
function isOpen({ mode }: Stats): boolean {
  return (mode & WRITABLE_BY_OTHERS) !== 0;
}

function ownerOf(file: string): number | null {
  return statSync(file, { throwIfNoEntry: false })?.uid ?? null;
}
