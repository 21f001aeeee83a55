/**
 * FastCGI name-value pairs (Specification 1.0, section 3.4): two lengths of one or four bytes, name, value.
 * A pair may be split over records, and a length over chunks, so the reader works on a stream of bytes.
 */
import { ByteBuilder } from '../byte-builder.ts';
import { ProtocolError } from '../protocol-error.ts';

/** Strings are sent as UTF-8; bytes as they are. */
export type PairText = string | Uint8Array;
export type PairInput = readonly [name: PairText, value: PairText];
export type Pair = readonly [name: Buffer, value: Buffer];

/** All pairs of one stream together, lengths included; nginx and php-cgi stay far below. */
export const DEFAULT_MAX_PAIRS_BYTES: number = 1024 * 1024;

const LONG_LENGTH_BIT = 0x80;

export function encodePairs(pairs: Iterable<PairInput>): Buffer {
  const pieces: Uint8Array[] = [];
  for (const [name, value] of pairs) {
    const nameBytes = toBytes(name);
    const valueBytes = toBytes(value);
    pieces.push(encodeLength(nameBytes.length), encodeLength(valueBytes.length), nameBytes, valueBytes);
  }
  return Buffer.concat(pieces);
}

function toBytes(text: PairText): Uint8Array {
  return typeof text === 'string' ? Buffer.from(text, 'utf8') : text;
}

function encodeLength(length: number): Buffer {
  if (length < LONG_LENGTH_BIT) return Buffer.of(length);
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE((length | 0x80000000) >>> 0);
  return bytes;
}

/** Collects the pairs of one stream (FCGI_PARAMS, FCGI_GET_VALUES and its result). */
export class PairReader {
  readonly #maxBytes: number;
  #seenBytes = 0;
  /** The length that is being read: its bytes so far, and how many more it has. */
  #length = 0;
  #lengthBytesLeft = 0;
  #nameLength: number | null = null;
  #valueLength: number | null = null;
  #text = new ByteBuilder();

  constructor(maxBytes: number = DEFAULT_MAX_PAIRS_BYTES) {
    this.#maxBytes = maxBytes;
  }

  /** @throws ProtocolError PAIRS_TOO_LONG as soon as a length alone breaks the limit. */
  push(chunk: Buffer): Pair[] {
    this.#seenBytes += chunk.length;
    if (this.#seenBytes > this.#maxBytes) this.#refuse();
    const pairs: Pair[] = [];
    let at = 0;
    while (at < chunk.length) {
      if (this.#nameLength === null || this.#valueLength === null) {
        this.#takeLengthByte(chunk.readUInt8(at));
        at += 1;
      } else {
        const missing = this.#nameLength + this.#valueLength - this.#text.length;
        const piece = chunk.subarray(at, at + missing);
        this.#text.add(piece);
        at += piece.length;
      }
      const pair = this.#completePair();
      if (pair !== null) pairs.push(pair);
    }
    return pairs;
  }

  /** @throws ProtocolError PAIRS_TRUNCATED when the stream ended within a pair. */
  end(): void {
    if (this.#nameLength !== null || this.#lengthBytesLeft > 0) {
      throw new ProtocolError('PAIRS_TRUNCATED', 'the FastCGI parameters end within a name-value pair');
    }
  }

  #takeLengthByte(byte: number): void {
    if (this.#lengthBytesLeft > 0) {
      this.#length = this.#length * 256 + byte;
      this.#lengthBytesLeft -= 1;
    } else if (byte < LONG_LENGTH_BIT) {
      this.#length = byte;
    } else {
      this.#length = byte - LONG_LENGTH_BIT;
      this.#lengthBytesLeft = 3;
    }
    if (this.#lengthBytesLeft > 0) return;
    if (this.#length > this.#maxBytes) this.#refuse();
    if (this.#nameLength === null) this.#nameLength = this.#length;
    else this.#valueLength = this.#length;
  }

  #completePair(): Pair | null {
    if (this.#nameLength === null || this.#valueLength === null) return null;
    if (this.#text.length < this.#nameLength + this.#valueLength) return null;
    const text = this.#text.take();
    const pair: Pair = [text.subarray(0, this.#nameLength), text.subarray(this.#nameLength)];
    this.#nameLength = null;
    this.#valueLength = null;
    return pair;
  }

  #refuse(): never {
    throw new ProtocolError('PAIRS_TOO_LONG', `the FastCGI parameters exceed ${this.#maxBytes} bytes`);
  }
}
