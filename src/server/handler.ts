/** What a program of `fpm-ts/responder` is to provide: a function that answers requests. */

/** What a request brings beyond the web's Request. */
export interface RequestContext {
  /**
   * The variables that the web server has sent (RFC 3875, section 4.1), such as DOCUMENT_ROOT or REMOTE_USER; values as
   * UTF-8. HTTP_PROXY is never among them (CVE-2016-5385).
   */
  readonly params: ReadonlyMap<string, string>;
  /** Aborted when the client goes away before it is answered, as `request.signal` is. */
  readonly signal: AbortSignal;
  /** REMOTE_ADDR: whom the web server takes for the client; empty where it does not say. */
  readonly remoteAddress: string;
  /** Adds to the web server's own error log; with SCGI, which has no way there, it does nothing. */
  readonly writeError: (text: string) => void;
}

/**
 * Answers a request. What it throws becomes status 500 and one line on stderr; the client sees nothing of it. Once the
 * answer has begun, a body that fails cuts it, so that the client does not take it for the whole.
 */
export type RequestHandler = (request: Request, context: RequestContext) => Response | Promise<Response>;
