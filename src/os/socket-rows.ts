/** Rows of the kernel's socket tables, wherever they were read: sock-diag.ts and, where that is refused, proc-net.ts. */

const state = (number: number): number => 1 << number;

/** Masks of states (include/net/tcp_states.h), which Unix sockets share. */
export const IN_ESTABLISHED: number = state(1);
export const IN_LISTEN: number = state(10);
/** Handshakes that are half open: TCP_SYN_RECV, and TCP_NEW_SYN_RECV as newer kernels keep them. */
export const IN_SYN_RECEIVED: number = state(3) | state(12);
/** Where an accepted TCP connection may be: established, FIN_WAIT1 and 2, CLOSE_WAIT, LAST_ACK, CLOSING. */
export const IN_CONNECTION: number = IN_ESTABLISHED | state(4) | state(5) | state(8) | state(9) | state(11);

/** One object stands for all rows of a dump: whoever wants to keep something copies it. */
export interface UnixRow {
  readonly state: number;
  readonly inode: number;
  /** The socket file, as SocketFile; both 0: none, as for abstract names, or not known here. */
  readonly fileDevice: number;
  readonly fileInode: number;
  /** The name it was bound with, which a rename does not change; abstract names begin with a NUL; '' where not asked. */
  readonly name: string;
  /** Of a listener: connections that wait to be accepted, and how many may; limit 0: not known here. */
  readonly queueLength: number;
  readonly queueLimit: number;
}

/** As UnixRow: one object for all. The getters copy. */
export interface TcpRow {
  readonly family: 4 | 6;
  readonly state: number;
  readonly port: number;
  /** 0: no process has it, so it waits to be accepted or is half open or closing. */
  readonly inode: number;
  readonly uid: number;
  /** The number of the interface that it is bound to; 0: none, or not known here. */
  readonly interfaceIndex: number;
  readonly queueLength: number;
  readonly queueLimit: number;
  /** The own address in network order: 4 or 16 bytes. */
  readonly address: Buffer;
  /** An IPv6 listener that takes no IPv4; null where the kernel does not say (before Linux 4.3). */
  readonly v6Only: boolean | null;
  readonly peer: { readonly address: Buffer; readonly port: number };
  hasAddress(address: Buffer): boolean;
}

/** A listening TCP socket. */
export type TcpListener = Omit<TcpRow, 'state' | 'peer' | 'hasAddress'>;

/** A listening Unix socket. */
export interface UnixListener extends Omit<UnixRow, 'state' | 'fileDevice' | 'fileInode'> {
  /** null for abstract names. */
  readonly file: SocketFile | null;
}

/** Identity of a socket file as sock_diag gives it: device as major << 20 | minor, low 32 bits of the inode. */
export interface SocketFile {
  readonly device: number;
  readonly inode: number;
}
