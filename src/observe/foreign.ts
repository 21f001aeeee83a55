/** The listener of another program that a pool is to take over: which socket it is, and which process has it. */
import { lstatSync } from 'node:fs';
import type { ListenAddress } from '../config/address.ts';
import { FpmError } from '../errors.ts';
import { endpoint, formatEndpoint, isSameEndpoint } from '../os/address.ts';
import { keeperOf } from '../os/keepers.ts';
import { NetlinkRefused } from '../os/netlink.ts';
import { firstDescendants, openSockets, read, readStat } from '../os/proc.ts';
import { socketFile, tcpListeners, unixListeners } from '../os/sock-diag.ts';
import { oneLine } from '../printable.ts';

export interface ForeignSocket {
  /** Who has it: the process that was named, or a child of it. */
  readonly pid: number;
  /** Of the socket. */
  readonly inode: number;
}

/** A listening socket, and where in words. */
interface Listening {
  readonly inode: number;
  readonly where: string;
}

/**
 * Finds the socket at the address that the process or one of its children listens on.
 * @param text the address as the configuration says it
 * @throws {FpmError} FAILED that says what is there instead; NOT_ALLOWED when we may not look
 */
export function findForeign(pid: number, address: ListenAddress, text: string): ForeignSocket {
  refuseStrange(pid);
  const name = nameOf(pid);
  const there = listenersAt(address);
  if (there.length > 1)
    throw failed(
      `${there.length} sockets listen on ${text} side by side (SO_REUSEPORT), and connections are divided between them: a takeover takes one. Let that program listen with one socket, restart it, and try again`,
    );
  // Everything descends from pid 1.
  const family = (pid === 1 ? [pid] : firstDescendants(pid)).map(it => ({
    pid: it,
    sockets: openSockets(it),
  }));
  const [wanted] = there;
  const holder = family.find(it => it.sockets?.includes(wanted?.inode ?? 0) === true);
  if (wanted !== undefined && holder !== undefined) return { pid: holder.pid, inode: wanted.inode };
  const isHidden = family.some(it => it.sockets === null);
  // Nobody can check it then; but whoever is wrong about the pid has the right path still.
  if (isHidden && wanted !== undefined && address.type === 'unix' && pid !== 1)
    return { pid, inode: wanted.inode };
  if (isHidden)
    throw new FpmError(
      'NOT_ALLOWED',
      `fpm-ts may not look into ${name}, so it cannot take its listener: ${PTRACE}`,
    );
  const own = new Set(family.flatMap(it => it.sockets ?? []));
  const elsewhere = allListeners()
    .filter(({ inode }) => own.has(inode))
    .map(({ where }) => where);
  if (elsewhere.length === 0)
    throw failed(
      `${name} listens on nothing that is seen here, and neither does a child of it. Which process does: \`ss -lxtp\``,
    );
  throw failed(
    `${name} listens on ${elsewhere.join(', ')}, and the pool on ${text}: listen.address must say the same as that program`,
  );
}

/** What it takes, for messages. */
export const PTRACE =
  'run fpm-ts as root with CAP_SYS_PTRACE (in a container: --cap-add SYS_PTRACE), or as the user of that program where kernel.yama.ptrace_scope is 0';

/** `pid 12 (php-fpm8.2)` */
export function nameOf(pid: number): string {
  return `pid ${pid} (${oneLine(read(`/proc/${pid}/comm`)?.trim() ?? 'gone')})`;
}

/** @throws {FpmError} for a process that is none, and for ours */
function refuseStrange(pid: number): void {
  const stat = readStat(pid);
  if (stat === null || stat.state === 'Z' || stat.state === 'X')
    throw failed(`there is no process ${pid}: the pid of the program that listens is wanted (\`ss -lxtp\`)`);
  for (let at = pid; at > 1; at = readStat(at)?.parent ?? 0) {
    const keeper = keeperOf(at);
    if (keeper !== null)
      throw failed(
        `${nameOf(pid)} belongs to fpm-ts itself, which runs as pid ${keeper}: a takeover is from another program`,
      );
  }
}

function listenersAt(address: ListenAddress): Listening[] {
  if (address.type === 'unix') {
    const stat = lstatSync(address.path, { bigint: true, throwIfNoEntry: false });
    if (stat?.isSocket() !== true) return [];
    const wanted = socketFile(stat);
    return seen(unixListeners)
      .filter(({ file }) => file?.device === wanted.device && file.inode === wanted.inode)
      .map(({ inode, name }) => ({ inode, where: name }));
  }
  if (address.type !== 'tcp') return [];
  const { host, port, family, dualStack } = address;
  const wanted = endpoint(host, port, family, dualStack);
  // An IPv4 socket has no IPV6_V6ONLY.
  return seen(tcpListeners)
    .filter(row => isSameEndpoint(family === 4 ? { ...row, v6Only: wanted.v6Only } : row, wanted))
    .map(row => ({ inode: row.inode, where: formatEndpoint(row) }));
}

function allListeners(): Listening[] {
  return [
    ...seen(unixListeners).map(({ inode, name }) => ({ inode, where: name.replace(/^\0/, '@') })),
    ...seen(tcpListeners).map(row => ({ inode: row.inode, where: formatEndpoint(row) })),
  ];
}

/** Where a process and its children listen, but for one socket. */
export function otherListenersOf(pid: number, besides: number): string[] {
  const own = new Set(firstDescendants(pid).flatMap(it => openSockets(it) ?? []));
  own.delete(besides);
  return allListeners()
    .filter(({ inode }) => own.has(inode))
    .map(({ where }) => where);
}

function seen<T>(readTable: () => T[]): T[] {
  try {
    return readTable();
  } catch (error) {
    if (error instanceof NetlinkRefused) throw failed(error.message);
    throw error;
  }
}

function failed(message: string): FpmError {
  return new FpmError('FAILED', message);
}
