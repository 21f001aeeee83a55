/** Why a request to a pool has no answer, or half of one. Front and command line make their own words of it. */
export type ClientErrorCode =
  /** No connection; errno says why. */
  | 'CONNECT'
  /** The connection was closed or broke before the answer was over. */
  | 'CLOSED'
  /** Nothing moved for the time that was given, and it was the program's turn. */
  | 'TIMEOUT'
  /** The program's bytes are not what the protocol allows. */
  | 'PROTOCOL'
  /** The program refused the request with FCGI_END_REQUEST. */
  | 'REFUSED'
  /** It refused it for now: FCGI_OVERLOADED. */
  | 'OVERLOADED'
  /** The request's body failed, or was not as long as CONTENT_LENGTH says. */
  | 'SOURCE'
  /** The caller's signal. */
  | 'ABORTED';

export class ClientError extends Error {
  readonly code: ClientErrorCode;
  /** Such as ENOENT, where the kernel said one. */
  readonly errno: string | null;

  constructor(code: ClientErrorCode, message: string, errno: string | null = null) {
    super(message);
    this.name = 'ClientError';
    this.code = code;
    this.errno = errno;
  }
}

/** The symbolic errno of an error from Node, or null. */
export function errnoOf(error: Error): string | null {
  return 'code' in error && typeof error.code === 'string' ? error.code : null;
}
