/** What a protocol does as a client, for one request on a connection of its own: its bytes, and what its answer says. */
import type { CgiResponseEvent } from './cgi-response/reader.ts';
import type { PairInput } from './pair.ts';

/** How the program ended the request, where the protocol says it. */
export interface AnswerEnd {
  /** What a CGI program would have given to exit(2). */
  readonly appStatus: number;
}

export type AnswerEvent =
  | CgiResponseEvent
  /** For the error log of the web server. */
  | { readonly type: 'stderr'; readonly chunk: Buffer }
  /** The answer is over before the connection is; without this event closing the connection is the end. */
  | { readonly type: 'end'; readonly end: AnswerEnd }
  /** The program does not answer this request. */
  | { readonly type: 'refused'; readonly isOverload: boolean; readonly reason: string };

export interface ClientCodec {
  /** What is sent before the body. */
  readonly head: Buffer;
  encodeBody(chunk: Buffer): Buffer[];
  /** What is sent behind the body. */
  readonly bodyEnd: Buffer | null;
  /** @throws ProtocolError */
  push(chunk: Buffer): Iterable<AnswerEvent>;
  /** The program closed the connection. @throws ProtocolError when that was too early. */
  close(): void;
  /** The head, and as much body as its Content-Length says, have arrived. */
  isWhole(): boolean;
}

export interface ClientProtocolCode {
  /** A body can only be sent when its length is known before. */
  readonly needsLength: boolean;
  /** @param bodyBytes 0 where it is not known. @throws ProtocolError for params that cannot be sent */
  createCodec(params: readonly PairInput[], bodyBytes: number): ClientCodec;
}
