/** Datagrams to a Unix socket, sent without ever waiting: what sd_notify(3) is made of. */
import { closeSync } from 'node:fs';
import { constants } from 'node:os';
import { declare, lastErrno, must, SystemError } from './libc.ts';
import { AF_UNIX, UNIX_PATH_MAX_BYTES, unixAddress } from './sockaddr.ts';

const socket = declare('int socket(int, int, int)');
const sendto = declare('long sendto(int, const void*, size_t, int, const void*, uint32_t)');

const SOCK_DGRAM_CLOEXEC = 2 | 0o2000000;
const MSG_DONTWAIT = 0x40;
const MSG_NOSIGNAL = 0x4000;
/** The receiver has as many datagrams waiting as it takes (net.unix.max_dgram_qlen), or the kernel no room. */
const BUSY: ReadonlySet<number> = new Set([constants.errno.EAGAIN, constants.errno.ENOBUFS]);

export class NotifySocket {
  readonly #address: Buffer;
  readonly #name: string;
  readonly #descriptor: number;

  /**
   * @param name a path, or an abstract name with "@" in front (sd_notify(3), NOTIFY_SOCKET)
   * @throws {RangeError} when it is neither or too long
   * @throws {SystemError} when there are not descriptors enough
   */
  constructor(name: string) {
    this.#address = addressOf(name);
    this.#name = name;
    this.#descriptor = must(socket(AF_UNIX, SOCK_DGRAM_CLOEXEC, 0), 'socket');
  }

  /**
   * @returns false: the receiver is busy, and has got nothing
   * @throws {SystemError} when nobody receives there, or we may not send
   */
  send(message: string): boolean {
    const bytes = Buffer.from(message);
    const flags = MSG_DONTWAIT | MSG_NOSIGNAL;
    const sent = sendto(this.#descriptor, bytes, bytes.length, flags, this.#address, this.#address.length);
    if (sent >= 0) return true;
    const errno = lastErrno();
    if (BUSY.has(errno)) return false;
    throw new SystemError('sendto', errno, this.#name);
  }

  close(): void {
    closeSync(this.#descriptor);
  }
}

/** An abstract name is not ended by NUL: its length says where it ends (unix(7)). */
function addressOf(name: string): Buffer {
  if (name.startsWith('/')) return unixAddress(name);
  const bytes = Buffer.from(name.slice(1));
  if (!name.startsWith('@') || bytes.length === 0 || bytes.length > UNIX_PATH_MAX_BYTES)
    throw new RangeError(`${name} is neither the path of a Unix socket nor an abstract name (@NAME)`);
  const address = Buffer.alloc(3 + bytes.length);
  address.writeUInt16LE(AF_UNIX, 0);
  bytes.copy(address, 3);
  return address;
}
