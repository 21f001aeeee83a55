/** How much one request may say before its body; the same for FastCGI and SCGI. */

/** All names and values of one request together, with what the protocol adds to each. */
export const DEFAULT_MAX_PARAMS_BYTES: number = 1024 * 1024;

/**
 * More parameters than this are refused: a pair takes some 250 bytes of memory however short it is, so that
 * the limit above alone would let a megabyte become sixty. Web servers send some thirty and one for each
 * header field; nginx takes a few thousand fields at most.
 */
export const MAX_PARAMS = 10_000;

/** What a pair is reckoned with beyond its bytes where several requests share a limit. */
export const PARAM_COST_BYTES = 256;
