/**
 * What the kernel knows about our listeners: who waits, who was accepted, for all pools in one look.
 * Listeners are read before connections and, where somebody waits, after them: the smaller number is taken, so that
 * nobody is counted twice who is accepted meanwhile. Who is accepted in the middle of that may be in neither number,
 * once.
 */
import { collide, type Endpoint, formatEndpoint, isUnspecified } from '../os/address.ts';
import {
  IN_CONNECTION,
  IN_ESTABLISHED,
  IN_LISTEN,
  IN_SYN_RECEIVED,
  type TcpRow,
  type UnixRow,
} from '../os/socket-rows.ts';
import { tcpSockets, unixSockets } from '../os/socket-tables.ts';

export interface ListenerLoad {
  /** Connections that wait to be accepted. */
  readonly waiting: number;
  /** How many may wait: min(backlog, somaxconn); null: not known here. */
  readonly limit: number | null;
  /**
   * The inodes of accepted connections; null: not asked. Unix: of this very listener; TCP: of its address, whichever
   * of the listeners there accepted them.
   */
  readonly accepted: ReadonlySet<number> | null;
  /** Handshakes on the port that are half open, as "address:port" of the client. Empty for Unix and where not asked. */
  readonly halfOpen: ReadonlySet<string>;
}

export interface Watched {
  /** Of the listening socket. */
  readonly inode: number;
  /** Whether connections are wanted too: another dump for Unix, and another one for TCP. */
  readonly withConnections: boolean;
}

const NONE: ReadonlySet<never> = new Set<never>();

/** A listener that was found, with its sets still growing; they are made when there is something to hold. */
interface Load {
  waiting: number;
  readonly limit: number | null;
  accepted: Set<number> | ReadonlySet<never> | null;
  halfOpen: Set<string> | ReadonlySet<never>;
}

/**
 * One look at the socket tables, whatever the number of listeners.
 * @returns by inode; a listener that is not there any more is missing
 */
export function lookAtSockets(watched: readonly Watched[]): ReadonlyMap<number, ListenerLoad> {
  const loads = new Map<number, Load>();
  const wanted = new Map(watched.map(({ inode, withConnections }) => [inode, withConnections]));
  if (wanted.size === 0) return loads;
  const unix = new UnixListeners();
  unixSockets(IN_LISTEN, true, row => {
    const withConnections = wanted.get(row.inode);
    if (withConnections !== undefined) unix.add(row, found(loads, row, withConnections));
  });
  const tcp = new TcpListeners();
  for (const family of [4, 6] as const) {
    if (loads.size === wanted.size) break;
    tcpSockets(family, IN_LISTEN, null, row => {
      const withConnections = wanted.get(row.inode);
      if (withConnections !== undefined) tcp.add(row, found(loads, row, withConnections));
    });
  }
  unix.readConnections();
  tcp.readConnections();
  lookAgain(loads);
  return loads;
}

/** Who has been accepted since the first look is among the connections by now. */
function lookAgain(loads: Map<number, Load>): void {
  const queues = new Set([...loads].flatMap(([inode, it]) => (it.accepted && it.waiting > 0 ? inode : [])));
  if (queues.size === 0) return;
  const take = ({ inode, queueLength }: UnixRow | TcpRow): void => {
    const load = loads.get(inode);
    if (load === undefined || !queues.delete(inode)) return;
    load.waiting = Math.min(load.waiting, queueLength);
  };
  unixSockets(IN_LISTEN, false, take);
  for (const family of [4, 6] as const) if (queues.size > 0) tcpSockets(family, IN_LISTEN, null, take);
}

function found(loads: Map<number, Load>, row: UnixRow | TcpRow, withConnections: boolean): Load {
  const load: Load = {
    waiting: row.queueLength,
    limit: row.queueLimit === 0 ? null : row.queueLimit,
    accepted: withConnections ? NONE : null,
    halfOpen: NONE,
  };
  loads.set(row.inode, load);
  return load;
}

/**
 * An accepted Unix connection carries its listener's file, and its name. The file tells listeners apart whatever
 * they are called, and nobody can have another socket on it; the name does for abstract ones, which have no file.
 */
class UnixListeners {
  readonly #byFile = new Map<number, { readonly device: number; readonly load: Load }[]>();
  readonly #byName = new Map<string, Load[]>();

  add(row: UnixRow, load: Load): void {
    if (load.accepted === null) return;
    if (row.fileInode === 0) push(this.#byName, row.name, load);
    else push(this.#byFile, row.fileInode, { device: row.fileDevice, load });
  }

  readConnections(): void {
    if (this.#byFile.size + this.#byName.size === 0) return;
    const withNames = this.#byName.size > 0;
    unixSockets(IN_ESTABLISHED, withNames, row => {
      if (row.fileInode !== 0) {
        for (const { device, load } of this.#byFile.get(row.fileInode) ?? NONE)
          if (device === row.fileDevice) accept(load, row.inode);
      } else if (withNames) {
        for (const load of this.#byName.get(row.name) ?? NONE) accept(load, row.inode);
      }
    });
  }
}

interface TcpEntry {
  readonly endpoint: Endpoint;
  /** It listens on all addresses. */
  readonly isAny: boolean;
  readonly load: Load;
}

/** An accepted TCP connection carries the address that it came to, and the port. */
class TcpListeners {
  readonly #byPort = new Map<number, TcpEntry[]>();

  add({ family, address, port, v6Only }: TcpRow, load: Load): void {
    if (load.accepted === null) return;
    const endpoint = { family, address, port, v6Only };
    push(this.#byPort, port, { endpoint, isAny: isUnspecified(endpoint), load });
  }

  readConnections(): void {
    const ports = [...this.#byPort.keys()];
    if (ports.length === 0) return;
    const families = new Set([...this.#byPort.values()].flat().map(it => it.endpoint.family));
    for (const family of families)
      tcpSockets(family, IN_CONNECTION | IN_SYN_RECEIVED, ports, row => this.#take(row));
  }

  #take(row: TcpRow): void {
    const isHalfOpen = ((1 << row.state) & IN_SYN_RECEIVED) !== 0;
    if (!isHalfOpen && row.inode === 0) return; // it waits, or its worker has closed it
    for (const entry of this.#byPort.get(row.port) ?? NONE) {
      if (!cameTo(row, entry)) continue;
      const { load } = entry;
      if (!isHalfOpen) accept(load, row.inode);
      else {
        if (load.halfOpen === NONE) load.halfOpen = new Set();
        (load.halfOpen as Set<string>).add(formatEndpoint({ ...row.peer, family: row.family, v6Only: null }));
      }
    }
  }
}

/** Most rows are told by the first line, which copies nothing. */
function cameTo(row: TcpRow, { endpoint, isAny }: TcpEntry): boolean {
  if (row.family === endpoint.family && (isAny || row.hasAddress(endpoint.address))) return true;
  const { family, address, port } = row;
  return collide({ family, address, port, v6Only: null }, endpoint);
}

function accept(load: Load, inode: number): void {
  if (load.accepted === NONE) load.accepted = new Set();
  (load.accepted as Set<number>).add(inode);
}

function push<K, V>(lists: Map<K, V[]>, key: K, value: V): void {
  const list = lists.get(key);
  if (list === undefined) lists.set(key, [value]);
  else list.push(value);
}
