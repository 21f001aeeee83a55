/**
 * A Unix socket of ours and the name that its file has at the moment. Several may belong to one path: one
 * is public, one may wait under a temporary name for a rename over the path, and those that a rename has replaced have
 * no name any more, while their workers empty their queues.
 */
import { closeSync, fstatSync, lstatSync, renameSync, unlinkSync } from 'node:fs';
import { HIDDEN_SUFFIX, REFUSING_SUFFIX } from '../../os/address.ts';
import type { FileUser } from '../../os/file-rights.ts';
import {
  type BoundUnixListener,
  type FileIdentity,
  isOwnFile,
  listenHidden,
  listenUnix,
  refuseOccupied,
  setBacklog,
  setOwnerAndMode,
  unlinkOwn,
} from '../../os/listener.ts';
import { touchSocket } from '../../os/socket-place.ts';
import type { SavedListener } from '../handover/state.ts';
import type { ListenerSpec } from '../protocol.ts';
import type { ForeignListener } from './foreign-listener.ts';
import { KeptName, notPutBack } from './kept-name.ts';
import { heldDescriptor, type OpenListener, socketUser } from './open-listener.ts';

export interface UnixNeighbours {
  /** All of ours that are open on the path. */
  readonly peers: () => readonly UnixListener[];
  /** Those of other programs on the path that are being taken over. */
  readonly taken: () => readonly ForeignListener[];
  /** Takes what an administrator should read. */
  readonly warn: (text: string) => void;
}

export class UnixListener implements OpenListener {
  spec: ListenerSpec;
  readonly inode: number;
  readonly descriptor: number | null;
  readonly path: string;
  readonly #file: FileIdentity;
  readonly #neighbours: UnixNeighbours;
  /** Under which its file can be found; null: it has been replaced. */
  #name: string | null;
  /** It could not be published. */
  #hasFailed = false;
  /** After a takeover: whoever was taken over may remove the path. null: nobody is expected to. */
  #kept: KeptName | null = null;

  /**
   * Opens one that is public when it is the first on its path, else hidden.
   * @throws {SystemError} when the kernel refuses or somebody else listens there
   */
  static open(spec: ListenerSpec, path: string, neighbours: UnixNeighbours): UnixListener {
    const others = neighbours.peers();
    const options = { ...spec, path, user: socketUser(spec) };
    if (others.length === 0 && neighbours.taken().length === 0)
      return UnixListener.#bound(spec, path, listenUnix(options), path, neighbours);
    const hidden = path + HIDDEN_SUFFIX;
    const waiting = others.find(other => other.#isWaiting);
    if (waiting !== undefined)
      throw new Error(`listener ${waiting.spec.id} waits for ${path} already: publish or close it first`);
    return UnixListener.#bound(spec, path, listenHidden(options), hidden, neighbours);
  }

  /** Goes on with one that listens already. @param descriptor null: it is lost */
  static restore(
    saved: SavedListener,
    descriptor: number | null,
    path: string,
    neighbours: UnixNeighbours,
  ): UnixListener {
    return new UnixListener({ ...saved, descriptor }, path, neighbours);
  }

  static #bound(
    spec: ListenerSpec,
    path: string,
    { descriptor, file: identity }: BoundUnixListener,
    name: string,
    neighbours: UnixNeighbours,
  ): UnixListener {
    const { ino: inode } = fstatSync(descriptor);
    return new UnixListener(
      { spec, inode, descriptor, file: { name, identity }, tcp: null },
      path,
      neighbours,
    );
  }

  private constructor(saved: SavedListener, path: string, neighbours: UnixNeighbours) {
    const identity = saved.file?.identity ?? { dev: 0, ino: 0 };
    this.spec = saved.spec;
    this.inode = saved.inode;
    this.descriptor = saved.descriptor;
    this.path = path;
    this.#file = identity;
    this.#neighbours = neighbours;
    // What was saved may be older than the last rename.
    const names = [path, path + HIDDEN_SUFFIX, path + REFUSING_SUFFIX];
    this.#name = names.find(name => isOwnFile(name, identity)) ?? this.#putBack();
    if (KeptName.exists(path, identity)) this.#keep();
  }

  get isPublic(): boolean {
    return this.#name === this.path;
  }

  /** @throws {Error} when its public file is gone */
  adjust(spec: ListenerSpec): void {
    if (this.#isRefusing) this.publish();
    if (this.#name !== null) setOwnerAndMode(this.#name, this.#file, { ...spec, user: socketUser(spec) });
    setBacklog(heldDescriptor(this), spec.backlog);
    this.spec = spec;
  }

  /**
   * One that could not be published may try again, until the next one is opened: that takes its hidden name.
   * @throws {SystemError} EADDRINUSE when a stranger listens on the path; {Error} when its own file is gone
   */
  publish(): void {
    if (this.isPublic) return;
    const { peers, taken } = this.#neighbours;
    const isTaken = taken().some(other => other.isAt(this.path));
    try {
      touchSocket(this.path, this.#user, () => this.#rename(isTaken));
    } catch (error) {
      this.#hasFailed = true;
      throw error;
    }
    const isToBeKept = isTaken || peers().some(other => other.#kept !== null);
    for (const other of peers()) if (other !== this) other.#replaced();
    for (const other of taken()) other.replaced();
    if (isToBeKept) this.#keep();
  }

  #rename(isTaken: boolean): void {
    const name = this.#name;
    if (name === null || !isOwnFile(name, this.#file))
      throw new Error(`the socket of ${this.spec.id} has no file any more that could become ${this.path}`);
    // Whatever happened to the path meanwhile: only who listens there and is not ours is in the way.
    const isOurs = this.#neighbours.peers().some(other => isOwnFile(this.path, other.#file));
    if (!isOurs && !isTaken) refuseOccupied(this.path);
    renameSync(name, this.path);
    if (!isOwnFile(this.path, this.#file))
      throw new Error(`the directory of ${this.path} was replaced while the socket was put there`);
    this.#name = this.path;
    this.#hasFailed = false;
  }

  /** Its file keeps a name, because one without could not be had back. */
  refuse(): void {
    if (!this.isPublic) return;
    this.#name = null;
    touchSocket(this.path, this.#user, () => this.#setAside());
  }

  #setAside(): void {
    const refusing = this.path + REFUSING_SUFFIX;
    if (!isOwnFile(this.path, this.#file)) return;
    const inTheWay = lstatSync(refusing, { throwIfNoEntry: false });
    if (inTheWay?.isSocket() === false) {
      unlinkSync(this.path); // somebody's file: it is theirs
      return;
    }
    renameSync(this.path, refusing);
    this.#name = refusing;
  }

  /** Workers may still hold theirs, and the queue with it. */
  close(): void {
    if (this.descriptor !== null) closeSync(this.descriptor);
    this.#unlink();
  }

  get saved(): SavedListener {
    const { spec, inode, descriptor } = this;
    return { spec, inode, descriptor, file: { name: this.#name, identity: this.#file }, tcp: null };
  }

  /** For workers that come up; one whose file is gone, or that could not be published, waits for nothing. */
  get #isWaiting(): boolean {
    const hidden = this.path + HIDDEN_SUFFIX;
    return this.#name === hidden && !this.#hasFailed && isOwnFile(hidden, this.#file);
  }

  get #user(): FileUser {
    return socketUser(this.spec);
  }

  get #isRefusing(): boolean {
    return this.#name === this.path + REFUSING_SUFFIX;
  }

  /** @returns where it is again; null: it is lost */
  #putBack(): string | null {
    try {
      return KeptName.putBack(this.path, this.#file, this.#user) ? this.path : null;
    } catch (error) {
      this.#neighbours.warn(notPutBack(this.path, error));
      return null;
    }
  }

  /** It serves without; should its file go, the supervisor sees that. */
  #keep(): void {
    const { warn } = this.#neighbours;
    try {
      this.#kept ??= new KeptName(this.path, this.#file, {
        user: this.#user,
        isWanted: () => this.isPublic,
        warn,
      });
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      warn(
        `the socket ${this.path} gets no second name: ${why}. If the program that was taken over removes the path when it ends, nobody can connect until its pool is reloaded`,
      );
    }
  }

  #letGo(): void {
    this.#kept?.close();
    this.#kept = null;
  }

  /** Another one has the path now. */
  #replaced(): void {
    this.#letGo();
    if (this.isPublic) this.#name = null;
    if (this.#isRefusing) this.#unlink();
  }

  #unlink(): void {
    this.#letGo();
    if (this.#name !== null) unlinkOwn(this.#name, this.#file, this.#user);
    this.#name = null;
  }
}
