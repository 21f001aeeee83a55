/** struct sockaddr_un, sockaddr_in and sockaddr_in6 (unix(7), ip(7), ipv6(7)). */
import { isIPv6 } from 'node:net';

export const AF_UNIX = 1;
export const AF_INET = 2;
export const AF_INET6 = 10;

/** sun_path holds 108 bytes, the terminating NUL included. */
export const UNIX_PATH_MAX_BYTES = 107;

export function unixAddress(path: string): Buffer {
  const bytes = Buffer.from(path);
  if (bytes.length > UNIX_PATH_MAX_BYTES) {
    throw new RangeError(
      `${path} is ${bytes.length} bytes long; a socket path holds at most ${UNIX_PATH_MAX_BYTES} bytes`,
    );
  }
  const address = Buffer.alloc(2 + bytes.length + 1);
  address.writeUInt16LE(AF_UNIX, 0);
  bytes.copy(address, 2);
  return address;
}

/** @param host an IPv4 or IPv6 address, no name */
export function inetAddress(host: string, port: number): { readonly family: number; readonly bytes: Buffer } {
  if (!isIPv6(host)) {
    const bytes = Buffer.alloc(16);
    bytes.writeUInt16LE(AF_INET, 0);
    bytes.writeUInt16BE(port, 2);
    parseIPv4(host).copy(bytes, 4);
    return { family: AF_INET, bytes };
  }
  const bytes = Buffer.alloc(28);
  bytes.writeUInt16LE(AF_INET6, 0);
  bytes.writeUInt16BE(port, 2);
  parseIPv6(host).copy(bytes, 8);
  return { family: AF_INET6, bytes };
}

/** The four bytes of a dotted address that net.isIPv4 accepts. */
export function parseIPv4(text: string): Buffer {
  return Buffer.from(text.split('.').map(Number));
}

/** The sixteen bytes of an address that net.isIPv6 accepts, its zone left out. */
export function parseIPv6(text: string): Buffer {
  // The URL parser writes the canonical form: no embedded IPv4, at most one '::' (WHATWG URL, IPv6 serializer).
  const canonical = new URL(`http://[${text.split('%')[0]}]/`).hostname.slice(1, -1);
  const [head = '', tail] = canonical.split('::');
  const left = head === '' ? [] : head.split(':');
  const right = tail === undefined || tail === '' ? [] : tail.split(':');
  const groups = [...left, ...Array<string>(8 - left.length - right.length).fill('0'), ...right];
  const bytes = Buffer.alloc(16);
  for (const [i, group] of groups.entries()) bytes.writeUInt16BE(Number.parseInt(group, 16), i * 2);
  return bytes;
}
