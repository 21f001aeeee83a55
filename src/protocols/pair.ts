/** A name and its value: a parameter of a request, or a header field. As tuples they are what a Map takes. */

/** Decoded parameters are bytes (the default); header fields are Latin-1 text. */
export type Pair<Name = Buffer, Value = Name> = readonly [name: Name, value: Value];

/** A pair to be encoded: strings are sent as UTF-8, bytes as they are. */
export type PairInput = Pair<string | Buffer>;

export function pairBytes(text: string | Buffer): Buffer {
  return typeof text === 'string' ? Buffer.from(text, 'utf8') : text;
}
