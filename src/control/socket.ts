/**
 * The socket file that clients connect to. It is made and removed as those of pools are (os/listener.ts): whoever
 * answers there is left alone, and at the end it goes only when it is still ours. Node would unlink the path
 * whoever has it by then, so its server is given the open descriptor instead.
 */
import { FpmError } from '../errors.ts';
import { probeUnixSocket } from '../os/address.ts';
import { SystemError } from '../os/libc.ts';
import { type FileIdentity, isOwnFile, listenUnix, unlinkOwn } from '../os/listener.ts';
import { listenerPid } from '../os/peer.ts';
import { readStat } from '../os/proc.ts';

const BACKLOG = 511;

/**
 * A supervisor that answers may be there although the pid file is free: it was removed, or is another one.
 * @throws {FpmError} ALREADY_RUNNING
 */
export function refuseOther(path: string): void {
  if (probeUnixSocket(path) === 'listening') throw alreadyRunning(path);
}

export class ControlSocket {
  readonly path: string;
  readonly descriptor: number;
  readonly #file: FileIdentity;

  /**
   * Everybody may connect: what the kernel says of the caller decides what is answered.
   * @throws {FpmError} ALREADY_RUNNING; {SystemError} when it cannot be made
   */
  constructor(path: string) {
    const owner = { uid: process.geteuid?.() ?? 0, gid: process.getegid?.() ?? 0 };
    try {
      const { descriptor, file } = listenUnix({ path, backlog: BACKLOG, mode: 0o666, ...owner });
      this.path = path;
      this.descriptor = descriptor;
      this.#file = file;
    } catch (error) {
      throw error instanceof SystemError && error.code === 'EADDRINUSE' ? alreadyRunning(path) : error;
    }
  }

  /** Clients find us under the path. */
  isInPlace(): boolean {
    return isOwnFile(this.path, this.#file);
  }

  /** Removes the file when it is still ours; the descriptor is closed by whoever took it over. */
  remove(): void {
    unlinkOwn(this.path, this.#file);
  }
}

/** The public pid is the keeper's, which is the parent of whoever listens. */
function alreadyRunning(path: string): FpmError {
  const supervisor = listenerPid(path);
  const keeper = supervisor === null ? null : (readStat(supervisor)?.parent ?? null);
  const who = keeper === null ? 'a supervisor' : `a supervisor with pid ${keeper} (its child ${supervisor})`;
  return new FpmError(
    'ALREADY_RUNNING',
    `${who} answers on the control socket ${path}; \`fpm-ts stop\` ends it, or set another run_dir or control.socket here`,
  );
}
