/** The ADDRESS of `fpm-ts serve POOL --http ADDRESS`. */
import { isIP } from 'node:net';
import { FpmError } from '../errors.ts';

export interface HttpAddress {
  /** An IP address without brackets, or `localhost`. */
  readonly host: string;
  /** 0 takes any free one. */
  readonly port: number;
}

/**
 * `ip:port`, `[v6]:port`, `localhost:port`, or a port alone, which means the loopback address: a front for
 * trying things out is not opened to the network by leaving something out.
 * @throws FpmError USAGE.
 */
export function parseHttpAddress(text: string): HttpAddress {
  const match = /^(?:(?:\[([^\]]+)\]|([^:[\]]*)):)?(\d{1,5})$/.exec(text);
  const port = Number(match?.[3]);
  const host = match?.[1] ?? (match?.[2] || '127.0.0.1');
  const isHost = host === 'localhost' || isIP(host) !== 0;
  if (match === null || port > 65_535 || !isHost) {
    throw new FpmError(
      'USAGE',
      `${JSON.stringify(text)} is not an address such as 127.0.0.1:8080, [::1]:8080 or 8080`,
    );
  }
  return { host, port };
}

/** As it stands in a URL. */
export function formatHttpAddress({ host, port }: HttpAddress): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}
