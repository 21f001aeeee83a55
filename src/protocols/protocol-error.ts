/**
 * What every reader in this room throws when the bytes break the rules of their protocol. The code is stable
 * and short, for logs and tests; the message is one sentence for people and never quotes the whole input.
 */
export type ProtocolErrorCode =
  | 'FCGI_VERSION'
  | 'FCGI_RECORD_TYPE'
  | 'FCGI_REQUEST_ID'
  | 'FCGI_BODY'
  | 'FCGI_ORDER'
  | 'FCGI_AFTER_END'
  | 'FCGI_TRUNCATED'
  | 'PAIRS_TOO_LONG'
  | 'PAIRS_TRUNCATED'
  | 'SCGI_NETSTRING'
  | 'SCGI_HEADERS'
  | 'SCGI_TOO_LONG'
  | 'SCGI_BODY'
  | 'CGI_NPH'
  | 'CGI_HEADER'
  | 'CGI_FOLDED'
  | 'CGI_DUPLICATE'
  | 'CGI_STATUS'
  | 'CGI_LENGTH'
  | 'CGI_NO_HEADERS'
  | 'CGI_CONTENT_TYPE'
  | 'CGI_TOO_LONG'
  | 'CGI_TRUNCATED';

/** The other side broke the protocol; the connection is of no further use. */
export class ProtocolError extends Error {
  readonly code: ProtocolErrorCode;

  constructor(code: ProtocolErrorCode, message: string) {
    super(message);
    this.name = 'ProtocolError';
    this.code = code;
  }
}
