/** Listening where one wants to, or on the next port that is free. */
import { once } from 'node:events';
import type { Server } from 'node:net';
import { FpmError } from '../errors.ts';
import { errnoOf } from './client-error.ts';
import { formatHttpAddress, type HttpAddress } from './http-address.ts';

const TRIES = 100;

/**
 * @returns where the server listens now.
 * @throws FpmError FAILED when that cannot be, for another reason than a taken port or after a hundred of them.
 */
export async function listenOnFree(server: Server, wanted: HttpAddress): Promise<HttpAddress> {
  const lastPort = Math.min(wanted.port + TRIES - 1, 65_535);
  for (let port = wanted.port; port <= lastPort; port += 1) {
    try {
      server.listen({ host: wanted.host, port });
      await once(server, 'listening');
      return { host: wanted.host, port: boundPort(server) };
    } catch (error) {
      if (!(error instanceof Error)) throw error;
      if (errnoOf(error) === 'EADDRINUSE') continue;
      throw new FpmError(
        'FAILED',
        `cannot listen at ${formatHttpAddress({ ...wanted, port })}: ${error.message}`,
      );
    }
  }
  const range = `${formatHttpAddress(wanted)} to ${lastPort}`;
  throw new FpmError('FAILED', `cannot listen at ${range}: every port is taken`);
}

function boundPort(server: Server): number {
  const bound = server.address();
  if (bound === null || typeof bound === 'string') throw new Error('the server has no port');
  return bound.port;
}
