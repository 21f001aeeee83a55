/**
 * Names of the system calls in which programs wait, by number (arch/x86/entry/syscalls/syscall_64.tbl,
 * include/uapi/asm-generic/unistd.h).
 */

const X64: Readonly<Record<string, number>> = {
  read: 0,
  write: 1,
  poll: 7,
  pread64: 17,
  pwrite64: 18,
  readv: 19,
  writev: 20,
  select: 23,
  pause: 34,
  nanosleep: 35,
  sendfile: 40,
  connect: 42,
  accept: 43,
  sendto: 44,
  recvfrom: 45,
  sendmsg: 46,
  recvmsg: 47,
  wait4: 61,
  semop: 65,
  msgrcv: 70,
  fcntl: 72,
  flock: 73,
  fsync: 74,
  fdatasync: 75,
  rt_sigtimedwait: 128,
  rt_sigsuspend: 130,
  futex: 202,
  restart_syscall: 219,
  clock_nanosleep: 230,
  epoll_wait: 232,
  waitid: 247,
  openat: 257,
  pselect6: 270,
  ppoll: 271,
  epoll_pwait: 281,
  accept4: 288,
  io_uring_enter: 426,
  epoll_pwait2: 441,
};

const ARM64: Readonly<Record<string, number>> = {
  epoll_pwait: 22,
  fcntl: 25,
  flock: 32,
  openat: 56,
  read: 63,
  write: 64,
  readv: 65,
  writev: 66,
  pread64: 67,
  pwrite64: 68,
  sendfile: 71,
  pselect6: 72,
  ppoll: 73,
  fsync: 82,
  fdatasync: 83,
  waitid: 95,
  futex: 98,
  nanosleep: 101,
  clock_nanosleep: 115,
  restart_syscall: 128,
  rt_sigsuspend: 133,
  rt_sigtimedwait: 137,
  msgrcv: 188,
  semop: 193,
  accept: 202,
  connect: 203,
  sendto: 206,
  recvfrom: 207,
  sendmsg: 211,
  recvmsg: 212,
  accept4: 242,
  wait4: 260,
  io_uring_enter: 426,
  epoll_pwait2: 441,
};

const NUMBERS: Readonly<Record<string, Readonly<Record<string, number>>>> = { x64: X64, arm64: ARM64 };
const NAMES: ReadonlyMap<number, string> = new Map(
  Object.entries(NUMBERS[process.arch] ?? {}).map(([name, number]) => [number, name]),
);

/** As in the manual, or by number. */
export function syscallName(number: number): string {
  return NAMES.get(number) ?? `system call ${number}`;
}
