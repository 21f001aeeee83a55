/**
 * One request to a worker and its answer, over a connection of its own: as nginx does it without
 * fastcgi_keep_conn. Bodies stream in both directions at once, each no faster than its reader.
 */
import { CLIENT_CODECS } from '../protocols/client-codecs.ts';
import { PROTOCOLS } from '../protocols/names.ts';
import { ClientError } from './client-error.ts';
import { RequestInFlight } from './request-in-flight.ts';
import type { Answer, RequestOptions } from './request-types.ts';

/** @throws ClientError when no head arrived. @throws ProtocolError when `params` cannot be sent. */
export async function sendRequest(options: RequestOptions): Promise<Answer> {
  const bodyBytes = declaredBytes(options);
  const codec = CLIENT_CODECS[options.protocol].createCodec(options.params, bodyBytes ?? 0);
  if (options.signal?.aborted) throw new ClientError('ABORTED', 'the request was given up');
  return await new RequestInFlight(options, codec, bodyBytes).answer;
}

/** Null where the length is not known, which some protocols can send all the same. */
function declaredBytes({ body, params, protocol }: RequestOptions): number | null {
  if (body === null) return 0;
  if (body instanceof Uint8Array) return body.length;
  const said = params.find(([name]) => name === 'CONTENT_LENGTH')?.[1].toString() ?? '';
  if (/^\d+$/.test(said)) return Number(said);
  if (!CLIENT_CODECS[protocol].needsLength) return null;
  const { title } = PROTOCOLS[protocol];
  throw new ClientError('SOURCE', `${title} needs to know the length of a body: CONTENT_LENGTH is not set`);
}
