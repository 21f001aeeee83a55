/**
 * The kernel's tables of sockets as text (proc_net(5)), for where netlink is refused: slower, without the limits of
 * queues, without the files of Unix sockets, and any local user can forge a Unix row (an abstract name with a newline).
 * Always through /proc/self: /proc/net may be another namespace's.
 */
import { endianness } from 'node:os';
import { read } from './proc.ts';
import { IN_ESTABLISHED, IN_LISTEN, type TcpRow, type UnixRow } from './socket-rows.ts';

/** __SO_ACCEPTCON in the flags of a Unix socket that listens (include/linux/net.h). */
const ACCEPTS = 0x10000;
/** SS_CONNECTING: connected, and no process has it yet. */
const CONNECTING = 2;
const SOCK_STREAM = 1;

interface UnixLine {
  readonly flags: number;
  readonly type: number;
  readonly state: number;
  readonly inode: number;
  readonly name: string;
}

/** As visitUnix of sock-diag.ts. Names are always there; a queue's length is the number of its rows that wait. */
export function visitUnixText(states: number, visit: (row: UnixRow) => void): void {
  const lines = unixLines();
  const waiting = new Map<string, number>();
  for (const { state, inode, name } of lines)
    if (state === CONNECTING && inode === 0) waiting.set(name, (waiting.get(name) ?? 0) + 1);
  for (const { flags, inode, name } of lines) {
    const isListening = (flags & ACCEPTS) !== 0;
    if (inode === 0 || (states & (isListening ? IN_LISTEN : IN_ESTABLISHED)) === 0) continue;
    const queueLength = isListening ? (waiting.get(name) ?? 0) : 0;
    visit({
      state: isListening ? 10 : 1,
      inode,
      name,
      queueLength,
      queueLimit: 0,
      fileDevice: 0,
      fileInode: 0,
    });
  }
}

/** Num: RefCount Protocol Flags Type St Inode Path; an @ in the path stands for a NUL. */
function unixLines(): UnixLine[] {
  const text = read('/proc/self/net/unix') ?? '';
  const pattern = /^[0-9a-f]+: [0-9A-F]+ [0-9A-F]+ ([0-9A-F]+) ([0-9A-F]+) ([0-9A-F]+) +(\d+)(?: (.*))?$/gm;
  return [...text.matchAll(pattern)]
    .map(([, flags = '', type = '', state = '', inode, name = '']) => ({
      flags: Number.parseInt(flags, 16),
      type: Number.parseInt(type, 16),
      state: Number.parseInt(state, 16),
      inode: Number(inode),
      name: Buffer.from(name.replaceAll('@', '\0'), 'latin1').toString(),
    }))
    .filter(({ type }) => type === SOCK_STREAM);
}

/** As visitTcp of sock-diag.ts. */
export function visitTcpText(
  family: 4 | 6,
  states: number,
  ports: readonly number[] | null,
  visit: (row: TcpRow) => void,
): void {
  const text = read(family === 6 ? '/proc/self/net/tcp6' : '/proc/self/net/tcp') ?? '';
  for (const line of text.split('\n').slice(1)) {
    const [, own = '', other = '', state = '', queues = '', , , uid, , inode] = line.trim().split(/\s+/);
    const { address, port } = endpoint(own);
    const number = Number.parseInt(state, 16);
    if (Number.isNaN(number) || (states & (1 << number)) === 0) continue;
    if (ports !== null && !ports.includes(port)) continue;
    visit({
      family,
      state: number,
      port,
      address,
      inode: Number(inode),
      uid: Number(uid),
      interfaceIndex: 0,
      queueLength: Number.parseInt(queues.split(':')[1] ?? '', 16),
      queueLimit: 0,
      v6Only: null,
      peer: endpoint(other),
      hasAddress: wanted => address.equals(wanted),
    });
  }
}

/** "0100007F:2328": the address in words of four bytes, each written as this machine's number. */
function endpoint(text: string): { address: Buffer; port: number } {
  const [words = '', port = ''] = text.split(':');
  const address = Buffer.from(words, 'hex');
  return {
    address: endianness() === 'LE' && address.length % 4 === 0 ? address.swap32() : address,
    port: Number.parseInt(port, 16),
  };
}
