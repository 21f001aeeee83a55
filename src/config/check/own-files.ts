/** The files of fpm-ts itself: run directory, pid file, control socket, logs. */
import { constants, fstatSync, type Stats, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { closing } from '../../os/descriptor.ts';
import { exchangersOf } from '../../os/exchange.ts';
import { followsLinks, InsecureLog, openDirectoryOf, refuse } from '../../os/log-file.ts';
import { kindOf } from '../read-file.ts';
import type { GlobalConfig, PoolConfig } from '../types.ts';
import type { Report } from './findings.ts';
import { NOTHING_LEFT } from './occupant.ts';
import { EXECUTE, WRITE } from './permission.ts';
import { checkWritableDirectory, confirmed, ownership, peek } from './places.ts';
import type { Self } from './self.ts';
import { checkSocketPath } from './socket-path.ts';
import { may } from './walk.ts';

export function checkOwnFiles(config: GlobalConfig, self: Self, report: Report): void {
  const { runDir, pidFile, control, log } = config;
  checkWay('run_dir', runDir, self, report);
  if (dirname(pidFile) !== runDir) checkWay('pid_file', dirname(pidFile), self, report);
  if (dirname(control.socket) !== runDir) checkWay('control.socket', control.socket, self, report);
  const isThere = checkRunDir(runDir, self, report);
  if (isThere || dirname(pidFile) !== runDir) {
    checkFile('pid_file', pidFile, self, report, isPidFile);
    checkLink('pid_file', pidFile, report, () => false);
    checkPidFile(pidFile, self, report);
  }
  // Our own supervisor may listen on it; a second one is refused by the lock.
  checkSocketPath(
    { key: 'control.socket', path: control.socket, runDir, isOurs: true, left: NOTHING_LEFT, user: null },
    self,
    report,
  );
  if (log.file !== 'stderr' && (isThere || dirname(log.file) !== runDir)) checkLog(log.file, self, report);
}

export function checkPoolLog(pool: PoolConfig, runDir: string, self: Self, report: Report): void {
  if (pool.log.file === undefined) return;
  const isMade = dirname(pool.log.file) === runDir && peek(runDir) === null;
  if (!isMade) checkLog(pool.log.file, self, report);
}

/**
 * What root makes and removes there must not be led elsewhere, and the state of all pools is for root alone. In a
 * directory such as /tmp nobody else can replace what is ours.
 */
function checkWay(key: string, path: string, self: Self, report: Report): void {
  if (self.uid !== 0 || !self.isThisProcess) return;
  const parent = lookAt(dirname(path));
  const isSticky = parent !== null && (parent.mode & 0o1000) !== 0;
  if (exchangersOf(isSticky ? dirname(path) : path) === 'nobody') return;
  report.error(
    key,
    `another user than root can replace ${path}, or a directory or a link on the way to it`,
    'choose a path of which only root may write each directory, such as below /run',
  );
}

/** Another user could name any process in it, or have us write into another directory. */
function checkPidFile(path: string, self: Self, report: Report): void {
  const parent = lookAt(dirname(path));
  const isSticky = parent !== null && (parent.mode & 0o1000) !== 0;
  if (parent !== null && !isSticky && !isOnlyOurs(parent, self)) {
    const message = `other users may write in the directory of ${path} (${ownership(parent)})`;
    report.error('pid_file', message, "choose a directory of root's, or leave it out");
  }
  const stat = peek(path);
  if (stat?.isFile() === true && stat.uid !== self.uid && may(self, path, stat, WRITE) !== false)
    report.error('pid_file', `${path} belongs to somebody else (${ownership(stat)})`, 'remove it');
}

function checkLog(path: string, self: Self, report: Report): void {
  if (!followsLinks(path)) {
    checkOthersLog(path, self, report);
    return;
  }
  checkFile('log.file', path, self, report, isLogFile);
  checkLink('log.file', path, report, parent => isOnlyOurs(parent, self));
}

/** As it is opened: others than root have a hand in the way, so none of their links is followed. */
function checkOthersLog(path: string, self: Self, report: Report): void {
  try {
    const { directory, name } = openDirectoryOf(path);
    closing(directory, () => {
      const parent = `/proc/self/fd/${directory}`;
      const stat = peek(`${parent}/${name}`);
      if (stat !== null) refuse(path, stat, fstatSync(directory));
      const [what, mode] = stat === null ? [parent, WRITE | EXECUTE] : [`${parent}/${name}`, WRITE];
      if (
        may(self, what, stat ?? fstatSync(directory), mode) !== false &&
        confirmed(what, constants.W_OK, self)
      )
        return;
      const message = `${self.label} may not write ${path} (${ownership(stat ?? fstatSync(directory))})`;
      report.error('log.file', message, 'choose another path');
    });
  } catch (error) {
    if (error instanceof InsecureLog) report.error('log.file', error.what, error.remedy);
    else report.error('log.file', `${path} cannot be opened: ${messageOf(error)}`, 'correct the path');
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** A symbolic link is followed only where nobody else could have put it, such as /dev/stdout. */
function checkLink(key: string, path: string, report: Report, mayStandIn: (parent: Stats) => boolean): void {
  const parent = lookAt(dirname(path));
  if (parent === null || peek(path)?.isSymbolicLink() !== true || mayStandIn(parent)) return;
  report.error(
    key,
    `${path} is a symbolic link, which is not followed here`,
    'name the file that it leads to',
  );
}

function isOnlyOurs({ uid, mode }: Stats, self: Self): boolean {
  return (uid === 0 || uid === self.uid) && (mode & 0o022) === 0;
}

/** It is made at the start with those above it. @returns whether it exists already and can be used */
function checkRunDir(runDir: string, self: Self, report: Report): boolean {
  const stat = peek(runDir);
  if (stat === null) {
    checkWritableDirectory('run_dir', nearestParent(runDir), self, report);
    return false;
  }
  if (!stat.isDirectory()) {
    report.error(
      'run_dir',
      `${runDir} is ${kindOf(stat)}, not a directory`,
      'remove it, or set another run_dir',
    );
    return false;
  }
  if (stat.uid !== self.uid && stat.uid !== 0) {
    report.error('run_dir', `${runDir} belongs to somebody else (${ownership(stat)})`, 'set another run_dir');
    return false;
  }
  if ((stat.mode & 0o022) !== 0) {
    const message = `other users may write in ${runDir} (${ownership(stat)}), and put their files in the place of ours`;
    report.error('run_dir', message, `chmod go-w ${runDir}, or set another run_dir`);
    return false;
  }
  return checkWritableDirectory('run_dir', runDir, self, report) !== null;
}

function nearestParent(path: string): string {
  const parent = dirname(path);
  return lookAt(parent) === null ? nearestParent(parent) : parent;
}

type Kind = (stat: Stats) => boolean;
const isPidFile: Kind = stat => stat.isFile();
const isLogFile: Kind = stat => stat.isFile() || stat.isFIFO() || stat.isCharacterDevice();

/** A file that we write: its directory, or where it exists, itself. */
function checkFile(key: string, path: string, self: Self, report: Report, isKind: Kind): void {
  const stat = lookAt(path);
  if (stat === null) {
    checkWritableDirectory(key, dirname(path), self, report);
    return;
  }
  if (!isKind(stat)) {
    report.error(
      key,
      `${path} is ${stat.isDirectory() ? 'a directory' : 'not a file that can be written'}`,
      'choose another path',
    );
  } else if (may(self, path, stat, WRITE) === false) {
    report.error(
      key,
      `${self.label} may not write ${path} (${ownership(stat)})`,
      `choose another path, or: chown ${self.uid} ${path}`,
    );
  }
}

function lookAt(path: string): Stats | null {
  try {
    return statSync(path);
  } catch {
    return null; // not there, or a directory above it is closed to us: the walk says which
  }
}
