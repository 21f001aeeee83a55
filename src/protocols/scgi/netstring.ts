/** Netstrings (https://cr.yp.to/proto/netstrings.txt): the length in decimal, a colon, the bytes, a comma. */
import { ByteBuilder } from '../byte-builder.ts';
import { ProtocolError } from '../protocol-error.ts';

const COLON = 0x3a;
const COMMA = 0x2c;
const ZERO = 0x30;
const NINE = 0x39;

export function encodeNetstring(bytes: Uint8Array): Buffer {
  return Buffer.concat([Buffer.from(`${bytes.length}:`, 'latin1'), bytes, Buffer.of(COMMA)]);
}

/** Reads one netstring; what follows it is the caller's. */
export class NetstringReader {
  readonly #maxBytes: number;
  readonly #content = new ByteBuilder();
  #length = 0;
  #digits = 0;
  #state: 'length' | 'content' | 'comma' | 'done' = 'length';

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /**
   * @returns the content once it is complete, and the rest of the chunk, which does not belong to it.
   * @throws ProtocolError SCGI_NETSTRING, and SCGI_TOO_LONG as soon as the length breaks the limit.
   */
  push(chunk: Buffer): { readonly content: Buffer | null; readonly rest: Buffer } {
    let at = 0;
    while (at < chunk.length && this.#state !== 'done') {
      if (this.#state === 'content') {
        const piece = chunk.subarray(at, at + this.#length - this.#content.length);
        this.#content.add(piece);
        at += piece.length;
        if (this.#content.length === this.#length) this.#state = 'comma';
        continue;
      }
      const byte = chunk.readUInt8(at);
      at += 1;
      if (this.#state === 'length') this.#takeLengthByte(byte);
      else if (byte === COMMA) return this.#finish(chunk.subarray(at));
      else throw new ProtocolError('SCGI_NETSTRING', 'the headers are not followed by a comma');
    }
    return { content: null, rest: chunk.subarray(at) };
  }

  #takeLengthByte(byte: number): void {
    if (byte === COLON && this.#digits > 0) {
      this.#state = this.#length === 0 ? 'comma' : 'content';
      return;
    }
    const hasLeadingZero = this.#digits > 0 && this.#length === 0;
    if (byte < ZERO || byte > NINE || hasLeadingZero) {
      throw new ProtocolError('SCGI_NETSTRING', 'the request does not begin with the length of its headers');
    }
    this.#digits += 1;
    this.#length = this.#length * 10 + (byte - ZERO);
    if (this.#length > this.#maxBytes) {
      throw new ProtocolError('SCGI_TOO_LONG', `the headers exceed ${this.#maxBytes} bytes`);
    }
  }

  #finish(rest: Buffer): { readonly content: Buffer; readonly rest: Buffer } {
    this.#state = 'done';
    return { content: this.#content.take(), rest };
  }
}
