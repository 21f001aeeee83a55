/** What `request` and `serve` need to know of a pool: a part of the configuration's PoolConfig. */
import { FpmError } from '../errors.ts';
import {
  CLIENT_PROTOCOLS,
  type ClientProtocol,
  isClientProtocol,
  namesInWords,
  type ProtocolName,
} from '../protocols/names.ts';

export interface PoolTarget {
  readonly name: string;
  readonly protocol: ProtocolName;
  readonly user?: string | undefined;
  readonly group?: string | undefined;
  readonly documentRoot?: string | undefined;
  readonly index: string;
  /** Parameters that stand over the computed ones, name by name. */
  readonly params: Readonly<Record<string, string>>;
  readonly listen: { readonly address: PoolAddress };
}

export type PoolAddress =
  | { readonly type: 'unix'; readonly path: string }
  | { readonly type: 'tcp'; readonly host: string; readonly port: number }
  | { readonly type: 'systemd'; readonly name: string }
  | { readonly type: 'none' };

/** An address that can be connected to. */
export type ConnectAddress =
  | { readonly type: 'unix'; readonly path: string }
  | { readonly type: 'tcp'; readonly host: string; readonly port: number };

export interface Route {
  readonly protocol: ClientProtocol;
  readonly address: ConnectAddress;
}

/** How to reach the pool. @throws FpmError USAGE for a pool that speaks none of our protocols, or has no address. */
export function routeTo(pool: PoolTarget): Route {
  if (!isClientProtocol(pool.protocol)) {
    const spoken = namesInWords(CLIENT_PROTOCOLS, 'and');
    const text = `pool ${pool.name} has protocol = "${pool.protocol}"; only ${spoken} can be asked`;
    throw new FpmError('USAGE', text);
  }
  return { protocol: pool.protocol, address: connectAddress(pool) };
}

function connectAddress(pool: PoolTarget): ConnectAddress {
  const { address } = pool.listen;
  switch (address.type) {
    case 'unix':
      return address;
    case 'tcp':
      return { type: 'tcp', host: reachableHost(address.host), port: address.port };
    case 'systemd': {
      const text = `pool ${pool.name} listens on systemd's socket ${address.name}, whose address is not known here`;
      throw new FpmError('USAGE', text);
    }
    case 'none':
      throw new FpmError('USAGE', `pool ${pool.name} has listen = "none": nobody can connect to it`);
  }
}

/** A listener on every address is asked on the loopback one; Linux would take 0.0.0.0 too, by accident. */
function reachableHost(host: string): string {
  if (host === '0.0.0.0') return '127.0.0.1';
  return /^[0:]+$/.test(host) ? '::1' : host;
}

/** As it stands in messages: the path, or `host:port` with brackets where IPv6 needs them. */
export function describeAddress(address: ConnectAddress): string {
  if (address.type === 'unix') return address.path;
  return address.host.includes(':') ? `[${address.host}]:${address.port}` : `${address.host}:${address.port}`;
}
