/**
 * Since when the request in hand of a connection runs, as far as it can be told from outside. Web servers may keep a
 * connection and send one request after another over it: then the connection's age is not the request's. Whatever may
 * be the beginning of another request counts as one: a request that runs too long is worse ended late than a short one
 * ended at all. Pure.
 */

export interface RequestLook {
  /** The worker waits for its client to say something; null: it cannot be told, as it waits for many at once. */
  readonly isWaiting: boolean | null;
  /** System calls of the worker so far that read and that wrote; null: not known, or others' are among them. */
  readonly calls: { readonly reads: number; readonly writes: number } | null;
  /** What went over the connection; null: not known, as on Unix sockets. */
  readonly bytes: {
    readonly received: number;
    readonly sent: number;
    /** The last that went over it was the worker's. */
    readonly isAnsweredLast: boolean;
  } | null;
}

export interface RequestMemory {
  /** When the request in hand began; where nothing else is known, when the connection was first seen. */
  readonly sinceMs: number;
  readonly last: RequestLook | null;
}

/** @param isOneRequest the protocol has one request a connection (SCGI, CGI) */
export function afterLook(
  memory: RequestMemory,
  look: RequestLook,
  isOneRequest: boolean,
  nowMs: number,
): RequestMemory {
  const isOther = !isOneRequest && (isIdle(look) || mayHaveBegun(memory.last, look));
  return { sinceMs: isOther ? nowMs : memory.sinceMs, last: look };
}

/** No request is in hand, or its body is still to come, which looks the same. */
function isIdle({ isWaiting, bytes }: RequestLook): boolean {
  return isWaiting ?? bytes?.isAnsweredLast ?? false;
}

/** Between two looks one request may have ended and another one begun. */
function mayHaveBegun(last: RequestLook | null, look: RequestLook): boolean {
  if (last === null) return false;
  const { bytes, calls } = look;
  if (bytes !== null && last.bytes !== null) {
    const hasAnswered = last.bytes.isAnsweredLast || bytes.sent > last.bytes.sent;
    return hasAnswered && bytes.received > last.bytes.received;
  }
  // An answer is written before the next request is read.
  if (calls === null || last.calls === null) return false;
  return calls.reads > last.calls.reads && calls.writes > last.calls.writes;
}
