/** The web server's side of SCGI: one request's headers as bytes; the body follows them as it is. */
import type { PairInput } from '../pair.ts';
import { encodeScgiHeaders } from './headers.ts';
import { encodeNetstring } from './netstring.ts';

/**
 * @param contentLengthBytes SCGI cannot send a body whose length is not known beforehand.
 * @throws ProtocolError SCGI_HEADERS.
 */
export function encodeScgiHead(contentLengthBytes: number, headers: Iterable<PairInput>): Buffer {
  return encodeNetstring(encodeScgiHeaders(contentLengthBytes, headers));
}
