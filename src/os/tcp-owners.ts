/** Who listens on TCP, looked up when somebody has to know it, and then once for all that are asked about. */
import { ASIDE_INTERFACE } from './aside.ts';
import { NetlinkRefused } from './netlink.ts';
import { allTcpListeners } from './sock-diag.ts';
import type { TcpListener } from './socket-rows.ts';

export class TcpOwners {
  #byPort: Map<number, TcpListener[]> | null = null;

  /** Those that can be reached; empty where the kernel does not tell: its own answer to a bind must do then. */
  reachable(port: number): TcpListener[] {
    return this.#on(port).filter(({ interfaceIndex }) => interfaceIndex !== ASIDE_INTERFACE);
  }

  /** Those of other programs that were taken over and have the address still. */
  aside(port: number): TcpListener[] {
    return this.#on(port).filter(({ interfaceIndex }) => interfaceIndex === ASIDE_INTERFACE);
  }

  #on(port: number): TcpListener[] {
    this.#byPort ??= byPort();
    return this.#byPort.get(port) ?? [];
  }
}

function byPort(): Map<number, TcpListener[]> {
  const found = new Map<number, TcpListener[]>();
  try {
    for (const listener of allTcpListeners()) {
      const others = found.get(listener.port);
      if (others === undefined) found.set(listener.port, [listener]);
      else others.push(listener);
    }
  } catch (error) {
    if (!(error instanceof NetlinkRefused)) throw error;
  }
  return found;
}
