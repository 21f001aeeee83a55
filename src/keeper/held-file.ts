/** A file of ours that is kept open as long as we are the keeper, and is removed at the end when it is still ours. */
import { closeSync, constants, fstatSync, ftruncateSync, unlinkSync, writeSync } from 'node:fs';
import { isOwnFile } from '../os/listener.ts';

export const OPEN_HELD: number =
  constants.O_RDWR | constants.O_CREAT | constants.O_NOFOLLOW | constants.O_NONBLOCK;

/** For the program that this process becomes in an upgrade. */
export interface PassedFile {
  readonly path: string;
  readonly descriptor: number;
}

export class HeldFile {
  readonly path: string;
  readonly #descriptor: number;

  constructor({ path, descriptor }: PassedFile) {
    this.path = path;
    this.#descriptor = descriptor;
  }

  get passed(): PassedFile {
    return { path: this.path, descriptor: this.#descriptor };
  }

  /** Who looks for us under the path finds us. */
  isInPlace(): boolean {
    return isOwnFile(this.path, fstatSync(this.#descriptor));
  }

  /** Closing it lets go of a lock, too. */
  release(): void {
    if (this.isInPlace()) unlinkSync(this.path);
    closeSync(this.#descriptor);
  }
}

/** Writes our pid as all that is in the file. */
export function writeOwnPid(descriptor: number): void {
  ftruncateSync(descriptor);
  writeSync(descriptor, `${process.pid}\n`, 0);
}
