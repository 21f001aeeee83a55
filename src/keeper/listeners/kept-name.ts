/**
 * A second name of a socket file, by which it can be had back. Who was taken over removes the path when it is stopped,
 * as php-fpm and supervisord do, although the file there is ours by then. We are told by inotify(7) and put it back.
 */
import { type FSWatcher, watch } from 'node:fs';
import { basename, dirname } from 'node:path';
import { KEPT_SUFFIX } from '../../os/address.ts';
import type { FileUser } from '../../os/file-rights.ts';
import { type FileIdentity, isOwnFile, removeStale, unlinkOwn } from '../../os/listener.ts';
import { linkSocket } from '../../os/socket-link.ts';

/** Where the kernel has no more watches for us. */
const LOOK_EVERY_MS = 100;

export interface KeptNamePorts {
  /** Whose pool it is. */
  readonly user: FileUser;
  /** Whether the path is to be there now. */
  readonly isWanted: () => boolean;
  /** Takes what an administrator should read. */
  readonly warn: (text: string) => void;
}

export class KeptName {
  readonly #path: string;
  readonly #file: FileIdentity;
  readonly #ports: KeptNamePorts;
  #watcher: FSWatcher | null = null;
  #timer: NodeJS.Timeout | null = null;
  /** Why it could not be put back at the last try. */
  #obstacle: string | null = null;

  /** @throws {Error} when the directory does not take the name */
  constructor(path: string, file: FileIdentity, ports: KeptNamePorts) {
    this.#path = path;
    this.#file = file;
    this.#ports = ports;
    const name = path + KEPT_SUFFIX;
    if (!isOwnFile(name, file)) linkSocket(path, name, file, ports.user, () => removeStale(name)); // of one that was killed
    this.#watch();
  }

  /** Whether that socket has a second name: it was given one by a keeper before this one. */
  static exists(path: string, file: FileIdentity): boolean {
    return isOwnFile(path + KEPT_SUFFIX, file);
  }

  /**
   * Puts a socket back that is nowhere but under its second name.
   * @returns false: it has no such name, or somebody has put something else at the path, and meant it
   * @throws {Error} when it cannot be put there
   */
  static putBack(path: string, file: FileIdentity, user: FileUser): boolean {
    if (!KeptName.exists(path, file)) return false;
    try {
      linkSocket(path + KEPT_SUFFIX, path, file, user);
      return true;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
      throw error;
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
    const { isWanted, user, warn } = this.#ports;
    const path = this.#path;
    if (!isWanted() || isOwnFile(path, this.#file)) return;
    try {
      if (KeptName.putBack(path, this.#file, user))
        warn(`the socket ${path} was removed by somebody: it is there again`);
      this.#obstacle = null;
    } catch (error) {
      const obstacle = notPutBack(path, error);
      if (obstacle !== this.#obstacle) warn(obstacle);
      this.#obstacle = obstacle;
    }
  }
}

export function notPutBack(path: string, error: unknown): string {
  const why = error instanceof Error ? error.message : String(error);
  return `the socket ${path} was removed by somebody and cannot be put back, so nobody can connect: ${why}. A reload of its pool makes a new one`;
}
