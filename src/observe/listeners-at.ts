/** The sockets that listen at an address which a user typed, whoever they belong to. */
import { statSync } from 'node:fs';
import { type ListenAddress, parseAddress } from '../config/address.ts';
import { FpmError } from '../errors.ts';
import { collide, type Endpoint, endpoint } from '../os/address.ts';
import { NetlinkRefused } from '../os/netlink.ts';
import { socketFile, tcpListeners, unixListeners } from '../os/sock-diag.ts';

/**
 * @param text a path, `@name` for an abstract socket, or what `listen.address` takes; a port alone is everybody who
 * listens on it, on whatever address
 * @returns inodes; empty when nobody listens there. Several share a TCP port by SO_REUSEPORT or by their addresses.
 * @throws {FpmError} USAGE for what is no address; FAILED when the kernel does not say who listens
 */
export function listenersAt(text: string): number[] {
  try {
    if (text.startsWith('@')) return abstractListeners(`\0${text.slice(1)}`);
    const file = fileAt(text);
    if (file !== null) return fileListeners(file);
    const address = tcpAddress(text);
    return address === null ? [] : portListeners(text, address);
  } catch (error) {
    if (error instanceof NetlinkRefused) throw new FpmError('FAILED', error.message);
    throw error;
  }
}

/** Through symbolic links, as a client goes. */
function fileAt(path: string): ReturnType<typeof socketFile> | null {
  const stat = statSync(path, { bigint: true, throwIfNoEntry: false });
  return stat?.isSocket() === true ? socketFile(stat) : null;
}

function fileListeners(wanted: ReturnType<typeof socketFile>): number[] {
  return unixListeners()
    .filter(({ file }) => file?.device === wanted.device && file.inode === wanted.inode)
    .map(({ inode }) => inode);
}

/** Some programs bind a name with all the NULs that the structure has room for. */
function abstractListeners(name: string): number[] {
  return unixListeners()
    .filter(row => row.file === null && row.name.replace(/\0+$/, '') === name)
    .map(({ inode }) => inode);
}

/** null: the path of a socket, where there is none now. */
function tcpAddress(text: string): Extract<ListenAddress, { type: 'tcp' }> | null {
  const parsed = parseAddress(text);
  if (!parsed.ok || parsed.address.type === 'systemd' || parsed.address.type === 'none') {
    const reason = parsed.ok ? 'this is not where a socket listens' : `${parsed.reason}; ${parsed.remedy}`;
    throw new FpmError(
      'USAGE',
      `${text}: ${reason}. It takes a socket's path, @NAME, PORT, IP:PORT or [IPv6]:PORT`,
    );
  }
  return parsed.address.type === 'tcp' ? parsed.address : null;
}

function portListeners(
  text: string,
  { host, port, family, dualStack }: Extract<ListenAddress, { type: 'tcp' }>,
): number[] {
  const wanted: Endpoint | null = /^\d+$/.test(text) ? null : endpoint(host, port, family, dualStack);
  return tcpListeners()
    .filter(row => row.port === port && (wanted === null || collide(row, wanted)))
    .map(({ inode }) => inode);
}
