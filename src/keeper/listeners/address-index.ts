/** Open listeners by address: an operation on one looks at those beside it, and not at all that there are. */
import type { BindAddress } from '../protocol.ts';
import type { OpenListener } from './open-listener.ts';

export class AddressIndex {
  readonly #listeners = new Map<string, Set<OpenListener>>();

  add(listener: OpenListener): void {
    const key = keyOf(listener.spec.address);
    const there = this.#listeners.get(key);
    if (there === undefined) this.#listeners.set(key, new Set([listener]));
    else there.add(listener);
  }

  delete(listener: OpenListener): void {
    const key = keyOf(listener.spec.address);
    const there = this.#listeners.get(key);
    if (there?.delete(listener) === true && there.size === 0) this.#listeners.delete(key);
  }

  /** In the order in which they were opened; on TCP all of the port. */
  at(address: BindAddress): OpenListener[] {
    return [...(this.#listeners.get(keyOf(address)) ?? [])];
  }

  onPort(port: number): OpenListener[] {
    return [...(this.#listeners.get(portKey(port)) ?? [])];
  }
}

/** Addresses that concern each other have one key: on TCP 0.0.0.0 takes in all others of its port. */
function keyOf(address: BindAddress): string {
  switch (address.type) {
    case 'unix':
      return `unix:${address.path}`;
    case 'tcp':
      return portKey(address.port);
    case 'systemd':
      return `systemd:${address.name}`;
  }
}

function portKey(port: number): string {
  return `tcp:${port}`;
}
