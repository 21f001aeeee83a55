/** What sendRequest takes and gives. */
import type { Readable } from 'node:stream';
import type { ResponseHead } from '../protocols/cgi-response/head.ts';
import type { AnswerEnd } from '../protocols/client-codec.ts';
import type { ClientProtocol } from '../protocols/names.ts';
import type { Param } from './params.ts';
import type { ConnectAddress } from './pool-target.ts';

export interface RequestOptions {
  readonly address: ConnectAddress;
  readonly protocol: ClientProtocol;
  /** As buildParams makes them. */
  readonly params: readonly Param[];
  /**
   * A stream must yield as many bytes as CONTENT_LENGTH in `params` says. It stays the caller's: when the
   * answer is over before the body is, it is left where it is and not destroyed.
   */
  readonly body: Readable | Buffer | null;
  /**
   * How long nothing may move while it is the program's turn: to accept, to read, to answer. The time that a
   * slow source or a slow reader of the answer takes does not count. 0 is no limit.
   */
  readonly timeoutMs: number;
  readonly signal?: AbortSignal | undefined;
  /** The connection stands and the body is about to be read. */
  readonly onConnect?: (() => void) | undefined;
  /** FCGI_STDERR as it comes; SCGI has none. */
  readonly onStderr?: ((chunk: Buffer) => void) | undefined;
}

export interface Answer {
  readonly head: ResponseHead;
  /** Fails with a ClientError when the answer is cut. Destroying it closes the connection. */
  readonly body: Readable;
  /**
   * How the program ended the request, null where the protocol does not say it (SCGI); it comes when the answer has arrived, which needs somebody
   * to read `body`. Rejects with the error that `body` fails with.
   */
  readonly end: Promise<AnswerEnd | null>;
}
