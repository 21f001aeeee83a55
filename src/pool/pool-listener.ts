/**
 * The listening socket of a pool over its reloads. At one address the socket stays and only its settings change;
 * a changed address gets a new socket, and the old one is closed when the last worker that serves it is gone.
 */
import type { ListenConfig, PoolConfig } from '../config/types.ts';
import type { Keeper } from '../keeper/client.ts';
import type { ListenerSpec } from '../keeper/protocol.ts';
import { socketOwner } from '../worker/identity.ts';

export class PoolListener {
  readonly #keeper: Keeper;
  /** Counts the addresses that the pool has had: the keeper's name for its listener is POOL#NUMBER. */
  #number: number;
  /** Of addresses that were given up. */
  #old: string[] = [];

  constructor(keeper: Keeper, number: number) {
    this.#keeper = keeper;
    this.#number = number;
  }

  get number(): number {
    return this.#number;
  }

  /** The keeper's name for the listener of that number; null: the pool has none. */
  idOf(config: PoolConfig, number: number): string | null {
    return config.listen.address.type === 'none' ? null : nameOf(config, number);
  }

  /** @throws {KeeperError} when the address cannot be had */
  async open(config: PoolConfig): Promise<void> {
    await this.#listen(config, this.#number);
  }

  /** After the death of a supervisor, which may have opened it or not, or have given it settings that came to nothing. */
  restore(config: PoolConfig): void {
    const spec = specOf(config, this.#number);
    if (spec !== null) this.#keeper.post('listen', { spec });
  }

  /**
   * Opens what a new generation is to serve, or gives the open socket its new settings.
   * @returns the number of that listener
   * @throws {KeeperError} when the address cannot be had
   */
  async prepare(before: PoolConfig, after: PoolConfig): Promise<number> {
    const number = isSameAddress(before.listen, after.listen) ? this.#number : this.#number + 1;
    await this.#listen(after, number);
    return number;
  }

  /** The new generation serves. */
  commit(before: PoolConfig, number: number): void {
    const old = this.idOf(before, this.#number);
    if (number !== this.#number && old !== null) this.#old.push(old);
    this.#number = number;
  }

  /** The new generation did not come up: a new address is closed again, an old one gets its settings back. */
  cancel(before: PoolConfig, after: PoolConfig, number: number): void {
    const id = this.idOf(after, number);
    if (number !== this.#number && id !== null) this.#keeper.post('unlisten', { id });
    const spec = specOf(before, this.#number);
    if (number === this.#number && spec !== null) this.#keeper.post('listen', { spec });
  }

  /** Nobody serves the addresses any more that were given up. */
  closeOld(): void {
    for (const id of this.#old) this.#keeper.post('unlisten', { id });
    this.#old = [];
  }

  async close(config: PoolConfig): Promise<void> {
    const id = this.idOf(config, this.#number);
    if (id !== null) await this.#keeper.ask('unlisten', { id });
  }

  async #listen(config: PoolConfig, number: number): Promise<void> {
    const spec = specOf(config, number);
    if (spec !== null) await this.#keeper.ask('listen', { spec });
  }
}

function nameOf(config: PoolConfig, number: number): string {
  return `${config.name}#${number}`;
}

/** null: the pool has no listener. @throws {Error} when its owner does not exist */
function specOf(config: PoolConfig, number: number): ListenerSpec | null {
  const { address, backlog, mode, allowedClients, nonblock } = config.listen;
  if (address.type === 'none') return null;
  return {
    id: nameOf(config, number),
    address,
    backlog,
    mode,
    allowedClients,
    nonblock,
    ...socketOwner(config),
  };
}

function isSameAddress(a: ListenConfig, b: ListenConfig): boolean {
  return JSON.stringify(a.address) === JSON.stringify(b.address);
}
