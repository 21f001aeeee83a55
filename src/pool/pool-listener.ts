/**
 * One listening socket of a pool, held by the keeper under the name POOL#NUMBER. Each generation has its own
 * (DESIGN D3), unless the socket is not ours to replace.
 */
import type { ListenAddress } from '../config/address.ts';
import type { PoolConfig } from '../config/types.ts';
import { type Keeper, KeeperError } from '../keeper/client.ts';
import type { BindAddress, ListenerSpec, ListenerState } from '../keeper/protocol.ts';
import { socketOwner } from '../worker/identity.ts';

/** A listening socket that another program has open. */
export interface ForeignSocket {
  readonly pid: number;
  readonly inode: number;
}

type Held = Omit<ListenerState, 'isPublic'>;

export class PoolListener {
  /** Counts the sockets that the pool has had. */
  readonly number: number;
  /** Of the socket itself, as in `socket:[INODE]`: what the kernel's tables know it by. */
  readonly inode: number;
  readonly id: string;
  /** Only those who accept on it already can: nobody else can be started on it. */
  readonly isLost: boolean;
  /** Another program's, until a generation of ours takes over from it. */
  readonly isForeign: boolean;
  readonly #keeper: Keeper;

  private constructor(keeper: Keeper, { spec: { id }, inode, isLost, isForeign }: Held) {
    this.#keeper = keeper;
    this.id = id;
    this.inode = inode;
    this.isLost = isLost;
    this.isForeign = isForeign;
    this.number = numberOf(id);
  }

  /**
   * Beside another of our sockets at the same address it is hidden until it is published.
   * @returns null: the pool has none. @throws {KeeperError} when the address cannot be had
   */
  static async open(keeper: Keeper, config: PoolConfig, number: number): Promise<PoolListener | null> {
    const spec = specOf(config, number);
    if (spec === null) return null;
    const inode = await listen(keeper, spec);
    return new PoolListener(keeper, { spec, inode, isLost: false, isForeign: false });
  }

  /** One of another program that listens at the pool's address. @throws {KeeperError} when it cannot be had */
  static async take(
    keeper: Keeper,
    config: PoolConfig,
    number: number,
    foreign: ForeignSocket,
  ): Promise<PoolListener> {
    const spec = specOf(config, number);
    if (spec === null) throw new Error(`pool ${config.name} has no listener`);
    const { isLost, isNonblocking } = await keeper.ask('take', { spec, ...foreign });
    // As the other program wants it, ours may die of it (listen.nonblock).
    const isUnfit = isLost || isNonblocking !== config.listen.nonblock;
    return new PoolListener(keeper, { spec, inode: foreign.inode, isLost: isUnfit, isForeign: true });
  }

  /** One that the keeper holds since an earlier supervisor. */
  static held(keeper: Keeper, state: ListenerState): PoolListener {
    return new PoolListener(keeper, state);
  }

  /** Gives the open socket the settings of this configuration. @throws {KeeperError} */
  async adjust(config: PoolConfig): Promise<void> {
    const spec = specOf(config, this.number);
    if (spec !== null) await listen(this.#keeper, spec);
  }

  /** From now on all new connections come to it. */
  publish(): void {
    this.#keeper.post('publish', { id: this.id });
  }

  /** No new connections from now on; those that wait can still be accepted. */
  refuse(): void {
    this.#keeper.post('refuse', { id: this.id });
  }

  /** The keeper says `knocked`, once, when a connection waits. */
  watch(): void {
    this.#keeper.post('watch', { id: this.id });
  }

  async close(): Promise<void> {
    await this.#keeper.ask('unlisten', { id: this.id });
  }
}

/** @throws {KeeperError} */
async function listen(keeper: Keeper, spec: ListenerSpec): Promise<number> {
  const { results } = await keeper.ask('listen', { specs: [spec] });
  const [result = { inode: 0 }] = results;
  if ('failure' in result) throw new KeeperError(result.failure);
  return result.inode;
}

/** Whether a held listener belongs to that pool. */
export function isListenerOf(pool: string, { spec }: ListenerState): boolean {
  return spec.id.slice(0, spec.id.lastIndexOf('#')) === pool;
}

/** Whether a reload may put another socket in its place (DESIGN D3). */
export function isOursToReplace({ listen }: PoolConfig): boolean {
  const { type } = listen.address;
  return type === 'tcp' || (type === 'unix' && listen.swap === 'rename');
}

/** A socket of the service manager's outlives us: connections wait in it until we are back. */
export function isOursToClose({ listen }: PoolConfig): boolean {
  return listen.address.type === 'tcp' || listen.address.type === 'unix';
}

/** @param a of a configuration, or of a listener that was opened for one */
export function isSameAddress(a: BindAddress | ListenAddress | undefined, b: ListenAddress): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}

function numberOf(id: string): number {
  return Number(id.slice(id.lastIndexOf('#') + 1));
}

/** null: the pool has no listener. @throws {Error} when its owner does not exist */
function specOf(config: PoolConfig, number: number): ListenerSpec | null {
  const { address, backlog, mode, allowedClients, nonblock } = config.listen;
  if (address.type === 'none') return null;
  const id = `${config.name}#${number}`;
  return { id, address, backlog, mode, allowedClients, nonblock, ...socketOwner(config) };
}
