/** What every child of ours is started with (posix_spawn(3)): signals at their defaults and unblocked. */
import { declare } from './libc.ts';

const actionsInit = declare('int posix_spawn_file_actions_init(void*)');
const actionsDestroy = declare('int posix_spawn_file_actions_destroy(void*)');
const actionsDup2 = declare('int posix_spawn_file_actions_adddup2(void*, int, int)');
const actionsFchdir = declare('int posix_spawn_file_actions_addfchdir_np(void*, int)');
const attrInit = declare('int posix_spawnattr_init(void*)');
const attrFlags = declare('int posix_spawnattr_setflags(void*, short)');
const attrDefault = declare('int posix_spawnattr_setsigdefault(void*, void*)');
const attrMask = declare('int posix_spawnattr_setsigmask(void*, void*)');
const setEmpty = declare('int sigemptyset(void*)');

/** A group of its own, with its pid as number. */
export const SETPGROUP = 0x02;
/** A session of its own, and with it a group. */
export const SETSID = 0x80;
const SETSIGDEF = 0x04;
const SETSIGMASK = 0x08;
/** Larger than these structures are in any C library (glibc: 80, 336 and 128 bytes). */
const STRUCTURE_BYTES = 1024;
/**
 * A sigset_t of every signal. Not sigfillset(3): it leaves out the C library's own signals 32 and 33, and
 * posix_spawn then leaves those ignored in the child (glibc, spawni.c).
 */
const ALL_SIGNALS: Buffer = Buffer.alloc(STRUCTURE_BYTES, 0xff);

/** A posix_spawnattr_t, to be made once and used for many children; it holds nothing that would have to be freed. */
export function spawnAttributes(flags: typeof SETPGROUP | typeof SETSID): Buffer {
  const attributes = Buffer.alloc(STRUCTURE_BYTES);
  const noSignals = Buffer.alloc(STRUCTURE_BYTES);
  setEmpty(noSignals);
  attrInit(attributes);
  attrFlags(attributes, SETSIGDEF | SETSIGMASK | flags);
  attrDefault(attributes, ALL_SIGNALS);
  attrMask(attributes, noSignals);
  return attributes;
}

/**
 * A posix_spawn_file_actions_t: what the child does with its descriptors before it runs the program, in this order.
 * It is used from `init` to `destroy`, any number of times.
 */
export class FileActions {
  readonly structure: Buffer = Buffer.alloc(STRUCTURE_BYTES);

  init(): void {
    actionsInit(this.structure);
  }

  /** The child has `descriptor` as `target`, and keeps it. */
  dup2(descriptor: number, target: number): void {
    actionsDup2(this.structure, descriptor, target);
  }

  /** @param directory an open descriptor, also one of O_PATH */
  fchdir(directory: number): void {
    actionsFchdir(this.structure, directory);
  }

  /** Frees what the C library has allocated for it. */
  destroy(): void {
    actionsDestroy(this.structure);
  }
}
