/**
 * FastCGI records (Specification 1.0, section 3.3): an eight-byte header, content, padding. The reader hands
 * content on in the pieces in which it arrives and never assembles a record: it holds at most eight bytes,
 * looks at every byte once, and so costs the same however the sender splits its records.
 */
import { ProtocolError } from '../protocol-error.ts';
import { FCGI_HEADER_BYTES, FCGI_MAX_CONTENT_BYTES, FCGI_VERSION_1 } from './constants.ts';

export interface RecordHeader {
  readonly type: number;
  readonly requestId: number;
  readonly contentBytes: number;
  readonly paddingBytes: number;
}

/** A piece of a record's content; a record of n bytes yields pieces of n bytes in all, and at least one. */
export interface RecordPart {
  readonly header: RecordHeader;
  /** A view of the chunk that was pushed. */
  readonly content: Buffer;
  /** True on the last piece of this record's content. */
  readonly last: boolean;
}

export function encodeHeader(header: RecordHeader): Buffer {
  const bytes = Buffer.allocUnsafe(FCGI_HEADER_BYTES);
  bytes.writeUInt8(FCGI_VERSION_1, 0);
  bytes.writeUInt8(header.type, 1);
  bytes.writeUInt16BE(header.requestId, 2);
  bytes.writeUInt16BE(header.contentBytes, 4);
  bytes.writeUInt8(header.paddingBytes, 6);
  bytes.writeUInt8(0, 7);
  return bytes;
}

/** @throws ProtocolError FCGI_VERSION when the bytes are not a version 1 header. */
export function decodeHeader(bytes: Buffer): RecordHeader {
  const version = bytes.readUInt8(0);
  if (version !== FCGI_VERSION_1) {
    throw new ProtocolError('FCGI_VERSION', `not a FastCGI record: version ${version} instead of 1`);
  }
  return {
    type: bytes.readUInt8(1),
    requestId: bytes.readUInt16BE(2),
    contentBytes: bytes.readUInt16BE(4),
    paddingBytes: bytes.readUInt8(6),
  };
}

/** Views of it stand behind content whose length is no multiple of eight. */
const ZEROS = Buffer.alloc(7);

/** Section 3.3 recommends that records are multiples of eight bytes. */
function paddingOf(contentBytes: number): number {
  return -contentBytes & 7;
}

/** The header of a record whose content follows, and behind that `paddingBytes` of the header, at most seven. */
function paddedHeader(type: number, requestId: number, contentBytes: number): Buffer {
  if (contentBytes > FCGI_MAX_CONTENT_BYTES) throw new RangeError('a FastCGI record carries 65535 bytes');
  return encodeHeader({ type, requestId, contentBytes, paddingBytes: paddingOf(contentBytes) });
}

/**
 * One record, padded to a multiple of eight bytes.
 * @throws RangeError when the content is longer than a record can carry; see encodeStream.
 */
export function encodeRecord(type: number, requestId: number, content: Uint8Array): Buffer {
  const header = paddedHeader(type, requestId, content.length);
  return Buffer.concat([header, content, ZEROS.subarray(0, paddingOf(content.length))]);
}

/** The largest content that needs no padding: pieces of this length, or of its parts by eight, cost least. */
export const STREAM_CONTENT_BYTES: number = FCGI_MAX_CONTENT_BYTES - 7;

/** Below this a copy costs less than one buffer more in the write. */
const COPIED_BYTES = 4096;

/**
 * The records that carry these bytes of a stream, as buffers to be written one behind the other (cork the
 * socket, and they leave in one writev). Long content is not copied but stands among them as views of `bytes`,
 * which must not change before they are written. No bytes give no record, because an empty record is the end
 * of the stream (section 3.3); encodeStreamEnd says that.
 */
export function encodeStream(type: number, requestId: number, bytes: Uint8Array): Buffer[] {
  const stream = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  const pieces: Buffer[] = [];
  for (let at = 0; at < stream.length; at += STREAM_CONTENT_BYTES) {
    const content = stream.subarray(at, at + STREAM_CONTENT_BYTES);
    if (content.length < COPIED_BYTES) {
      pieces.push(encodeRecord(type, requestId, content));
      continue;
    }
    const padding = paddingOf(content.length);
    pieces.push(paddedHeader(type, requestId, content.length), content);
    if (padding > 0) pieces.push(ZEROS.subarray(0, padding));
  }
  return pieces;
}

export function encodeStreamEnd(type: number, requestId: number): Buffer {
  return encodeRecord(type, requestId, Buffer.alloc(0));
}

/** Splits bytes into record parts, whatever the pieces in which they arrive. */
export class RecordReader {
  readonly #headerBytes = Buffer.alloc(FCGI_HEADER_BYTES);
  #headerLength = 0;
  #header: RecordHeader | null = null;
  #contentLeft = 0;
  #paddingLeft = 0;

  /** True between two records: where a stream may end without having been cut. */
  get atBoundary(): boolean {
    return this.#headerLength === 0 && this.#header === null;
  }

  /** @throws ProtocolError FCGI_VERSION; the reader is of no use afterwards. */
  *push(chunk: Buffer): Generator<RecordPart, void, undefined> {
    let at = 0;
    while (at < chunk.length) {
      if (this.#header === null) {
        at += this.#takeHeader(chunk, at);
        if (this.#header === null) return;
        // A header without content is a part of its own: it ends a stream or asks for something.
        if (this.#contentLeft === 0) yield this.#part(this.#header, chunk.subarray(0, 0));
        continue;
      }
      if (this.#contentLeft > 0) {
        const content = chunk.subarray(at, at + this.#contentLeft);
        at += content.length;
        this.#contentLeft -= content.length;
        yield this.#part(this.#header, content);
        continue;
      }
      const padding = Math.min(this.#paddingLeft, chunk.length - at);
      at += padding;
      this.#paddingLeft -= padding;
      if (this.#paddingLeft === 0) this.#header = null;
    }
  }

  /** Takes what belongs to the header; returns how many bytes that were. */
  #takeHeader(chunk: Buffer, at: number): number {
    const taken = chunk.copy(
      this.#headerBytes,
      this.#headerLength,
      at,
      at + FCGI_HEADER_BYTES - this.#headerLength,
    );
    this.#headerLength += taken;
    if (this.#headerLength === FCGI_HEADER_BYTES) {
      this.#headerLength = 0;
      this.#header = decodeHeader(this.#headerBytes);
      this.#contentLeft = this.#header.contentBytes;
      this.#paddingLeft = this.#header.paddingBytes;
    }
    return taken;
  }

  #part(header: RecordHeader, content: Buffer): RecordPart {
    const last = this.#contentLeft === 0;
    if (last && this.#paddingLeft === 0) this.#header = null;
    return { header, content, last };
  }
}
