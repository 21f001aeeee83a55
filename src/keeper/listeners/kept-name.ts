/**
 * A second name of a socket file, by which it can be had back. Who was taken over removes the path when it is stopped,
 * as php-fpm and supervisord do, although the file there is ours by then. We are told by inotify(7) and put it back.
 */
import { type FSWatcher, linkSync, lstatSync, unlinkSync, watch } from 'node:fs';
import { basename, dirname } from 'node:path';
import { KEPT_SUFFIX } from '../../os/address.ts';
import type { FileUser } from '../../os/file-rights.ts';
import { type FileIdentity, isOwnFile, unlinkOwn } from '../../os/listener.ts';
import { touchSocket } from '../../os/socket-place.ts';

/** Where the kernel has no more watches for us. */
const LOOK_EVERY_MS = 100;

export interface KeptNamePorts {
  /** Whose pool it is. */
  readonly user: FileUser;
  /** Whether the path is to be there now. */
  readonly isWanted: () => boolean;
  /** It was gone and is there again. */
  readonly putBack: (path: string) => void;
}

export class KeptName {
  readonly #path: string;
  readonly #file: FileIdentity;
  readonly #ports: KeptNamePorts;
  #watcher: FSWatcher | null = null;
  #timer: NodeJS.Timeout | null = null;

  /** @throws {NodeJS.ErrnoException} when the directory does not take the name */
  constructor(path: string, file: FileIdentity, ports: KeptNamePorts) {
    this.#path = path;
    this.#file = file;
    this.#ports = ports;
    touchSocket(path, ports.user, () => {
      const name = path + KEPT_SUFFIX;
      if (isOwnFile(name, file)) return;
      if (lstatSync(name, { throwIfNoEntry: false })?.isSocket() === true) unlinkSync(name); // of one that was killed
      linkSync(path, name);
    });
    this.#watch();
  }

  /** Whether that socket has a second name: it was given one by a keeper before this one. */
  static exists(path: string, file: FileIdentity): boolean {
    return isOwnFile(path + KEPT_SUFFIX, file);
  }

  /** Puts a socket back that is nowhere but under its second name. @returns the path; null: that cannot be done */
  static putBack(path: string, file: FileIdentity, user: FileUser): string | null {
    if (!KeptName.exists(path, file)) return null;
    try {
      touchSocket(path, user, () => linkSync(path + KEPT_SUFFIX, path));
      return path;
    } catch {
      return null; // somebody has put something there, and meant it; or the directory is gone with both names
    }
  }

  close(): void {
    this.#watcher?.close();
    if (this.#timer !== null) clearInterval(this.#timer);
    unlinkOwn(this.#path + KEPT_SUFFIX, this.#file, this.#ports.user);
  }

  #watch(): void {
    try {
      const name = basename(this.#path);
      this.#watcher = watch(dirname(this.#path), { persistent: false }, (_, changed) => {
        if (changed === name) this.#putBack();
      });
      this.#watcher.on('error', () => this.#lookAgainAndAgain());
    } catch {
      this.#lookAgainAndAgain();
    }
  }

  #lookAgainAndAgain(): void {
    this.#watcher?.close();
    this.#watcher = null;
    this.#timer ??= setInterval(() => this.#putBack(), LOOK_EVERY_MS).unref();
  }

  #putBack(): void {
    const { isWanted, user, putBack } = this.#ports;
    if (!isWanted() || isOwnFile(this.#path, this.#file)) return;
    if (KeptName.putBack(this.#path, this.#file, user) !== null) putBack(this.#path);
  }
}
