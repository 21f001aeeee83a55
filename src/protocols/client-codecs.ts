/** The protocols as clients. A protocol that names.ts says is sent must be here. */
import type { ClientProtocolCode } from './client-codec.ts';
import { fastcgiClient } from './fastcgi/codec.ts';
import type { ClientProtocol } from './names.ts';
import { scgiClient } from './scgi/codec.ts';

export const CLIENT_CODECS: Readonly<Record<ClientProtocol, ClientProtocolCode>> = {
  fastcgi: fastcgiClient,
  scgi: scgiClient,
};
