/** SCGI as a client: the head, the body as it is, and an answer that ends with its connection. */
import { CountedAnswer } from '../cgi-response/counted-answer.ts';
import type { ClientCodec, ClientProtocolCode } from '../client-codec.ts';
import type { PairInput } from '../pair.ts';
import { encodeScgiHead } from './client.ts';

export const scgiClient: ClientProtocolCode = { needsLength: true, createCodec };

function createCodec(params: readonly PairInput[], bodyBytes: number): ClientCodec {
  const answer = new CountedAnswer({ statusLine: true }, params);
  return {
    head: encodeScgiHead(bodyBytes, params),
    encodeBody: chunk => [chunk],
    bodyEnd: null,
    push: chunk => answer.push(chunk),
    close: () => answer.end(),
    isWhole: () => answer.isWhole(),
  };
}
