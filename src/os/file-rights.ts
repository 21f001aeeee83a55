/**
 * Doing something with files under another user's rights: what that user can put in the place of a file must not be
 * opened with root's. Only the file-system ids of this thread change (setfsuid(2)): the process stays root's, so that
 * user can neither signal nor trace it meanwhile. Nothing asynchronous may be done so: it runs in another thread.
 */
import { withoutCapability } from './capabilities.ts';
import { declare, must, syscall } from './libc.ts';

const setfsuid = declare('int setfsuid(uint32_t)');
const setfsgid = declare('int setfsgid(uint32_t)');
const prctl = declare('int prctl(int, unsigned long, unsigned long, unsigned long, unsigned long)');

/** The C library's setgroups(3) is for all threads, the system call for this one. */
const SETGROUPS = process.arch === 'x64' ? 116 : 159;
const PR_GET_DUMPABLE = 3;
const PR_SET_DUMPABLE = 4;
/** No id: it changes nothing, and the answer tells what is set. */
const ASK = 0xffff_ffff;
const GROUP_BYTES = 4;

/** Whose rights count for files. */
export interface FileUser {
  readonly uid: number;
  readonly gid: number;
  readonly groups: readonly number[];
}

/**
 * Runs `work`, which must be synchronous, with the rights that this user has to files. A process that is not root's
 * has no rights to give up, and runs it as it is.
 * @throws {Error} what `work` throws; {SystemError} when the rights cannot be changed, before `work` runs
 */
export function withRightsOf<T>(user: FileUser, work: () => T): T {
  if (process.geteuid?.() !== 0 || user.uid === 0) return work();
  const groups = process.getgroups?.() ?? [];
  const gid = process.getegid?.() ?? 0;
  const dumpable = prctl(PR_GET_DUMPABLE, 0, 0, 0, 0);
  must(setGroups(user.groups), 'setgroups');
  try {
    setfsgid(user.gid);
    setfsuid(user.uid); // last: the capabilities for files go with it, and come back with the 0
    if (setfsgid(ASK) !== user.gid || setfsuid(ASK) !== user.uid)
      throw new Error(
        `the rights of uid ${user.uid} cannot be taken on: CAP_SETUID or CAP_SETGID is missing`,
      );
    // With it, the links of /proc would lead to the files of every process.
    return withoutCapability('sys_ptrace', work);
  } finally {
    setfsuid(0);
    setfsgid(gid);
    setGroups(groups);
    // The change clears it (prctl(2)), and without it nobody but CAP_SYS_PTRACE can look into this process.
    if (dumpable === 1) prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
  }
}

function setGroups(groups: readonly number[]): number {
  const list = Buffer.alloc(Math.max(1, groups.length) * GROUP_BYTES);
  for (const [at, group] of groups.entries()) list.writeUInt32LE(group, at * GROUP_BYTES);
  return syscall(SETGROUPS, 'long', groups.length, 'void *', list);
}
