/**
 * While a command is under way the server sends `102 Processing` (RFC 2518, section 10.1) again and again: only so
 * can a client tell a reload that takes a while from a supervisor that hangs.
 */
export const SIGN_EVERY_MS = 1500;

/** Three signs missed: whoever serves the socket is stopped or stuck. */
export const SILENCE_LIMIT_MS = 5000;
