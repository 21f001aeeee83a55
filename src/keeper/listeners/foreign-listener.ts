/**
 * The listener of another program, which a pool takes over (`fpm-ts takeover`): a copy of its descriptor, taken out
 * of that program. It is public until one of ours at the same address is published; then it gets nothing new, and is
 * closed when it is empty. Closing it closes our copy only: whoever accepts on it is not disturbed.
 */
import { closeSync, lstatSync, readdirSync, readlinkSync } from 'node:fs';
import { setAside, shareAddress, type Unshared, unshareAddress } from '../../os/aside.ts';
import { isStreamListener } from '../../os/kernel-objects.ts';
import { SystemError } from '../../os/libc.ts';
import { type FileIdentity, isOwnFile } from '../../os/listener.ts';
import { takeDescriptor } from '../../os/pidfd.ts';
import { AF_UNIX, inetAddress } from '../../os/sockaddr.ts';
import type { ListenerSpec } from '../protocol.ts';
import type { OpenListener } from './open-listener.ts';

export class ForeignListener implements OpenListener {
  readonly spec: ListenerSpec;
  /** null: the kernel does not let us have it, only its path was taken. */
  readonly descriptor: number | null;
  readonly inode: number;
  isPublic = true;
  /** Its own program goes on with it, whatever becomes of us. */
  readonly saved = null;
  readonly #file: FileIdentity | null;
  readonly #unshared: Unshared | null;

  /**
   * Takes the socket of that inode out of a process. A Unix socket whose descriptor the kernel does not let us have is
   * taken by its path: one that is put in its place does without the descriptor.
   * @throws {SystemError} EPERM for a TCP socket that we may not have; {Error} when the process does not have it
   */
  static take(spec: ListenerSpec, pid: number, inode: number): ForeignListener {
    const { address } = spec;
    if (address.type === 'systemd') throw new Error('a socket of the service manager is taken by its name');
    const file = address.type === 'unix' ? lstatSync(address.path) : null;
    let descriptor: number | null = null;
    try {
      const family = address.type === 'unix' ? AF_UNIX : inetAddress(address.host, address.port).family;
      descriptor = takeSocket(pid, inode, family);
      const unshared = address.type === 'tcp' ? shareAddress(descriptor) : null;
      return new ForeignListener(spec, descriptor, inode, file, unshared);
    } catch (error) {
      if (descriptor !== null) closeSync(descriptor);
      if (!isRefusal(error) || address.type === 'tcp') throw error;
      return new ForeignListener(spec, null, inode, file, null);
    }
  }

  private constructor(
    spec: ListenerSpec,
    descriptor: number | null,
    inode: number,
    file: FileIdentity | null,
    unshared: Unshared | null,
  ) {
    this.spec = spec;
    this.descriptor = descriptor;
    this.inode = inode;
    this.#file = file;
    this.#unshared = unshared;
  }

  /** Its settings are the business of whoever opened it. */
  adjust(): void {}

  publish(): void {}

  refuse(): void {}

  /** Whether its socket file has that path. */
  isAt(path: string): boolean {
    return this.#file !== null && isOwnFile(path, this.#file);
  }

  /** One of ours has the address from now on. */
  replaced(): void {
    if (!this.isPublic) return;
    this.isPublic = false;
    if (this.descriptor !== null && this.#unshared !== null) setAside(this.descriptor);
  }

  close(): void {
    if (this.descriptor === null) return;
    if (this.isPublic && this.#unshared !== null) unshareAddress(this.descriptor, this.#unshared);
    closeSync(this.descriptor);
  }
}

/** The pid may have become another process's between two looks; whose socket it is, the inode says. */
function takeSocket(pid: number, inode: number, family: number): number {
  const folder = `/proc/${pid}/fd`;
  for (const name of readdirSync(folder)) {
    if (linkOf(`${folder}/${name}`) !== `socket:[${inode}]`) continue;
    const descriptor = takeDescriptor(pid, Number(name));
    if (isStreamListener(descriptor, inode, family)) return descriptor;
    closeSync(descriptor);
  }
  throw new Error(
    `pid ${pid} has no listening stream socket ${inode} (any more): see what listens there with \`ss -lxtp\``,
  );
}

/**
 * Root without CAP_SYS_PTRACE may list the descriptors of another user's process, and is refused here.
 * @throws EACCES
 */
function linkOf(path: string): string | null {
  try {
    return readlinkSync(path);
  } catch (error) {
    if (isRefusal(error)) throw error;
    return null; // closed between the two calls
  }
}

/** Of ptrace(2), under whatever name: another user's process without CAP_SYS_PTRACE, Yama, a sandbox. */
function isRefusal(error: unknown): boolean {
  const { code } = error as NodeJS.ErrnoException;
  return code === 'EACCES' || code === 'EPERM' || (error instanceof SystemError && error.code === 'ENOSYS');
}
