/**
 * The way of a request's body into the connection, at the pace at which the connection takes it. It is a sink
 * for pipe(), because whoever stops reading an HTTP request in any other way destroys its connection.
 */
import { Readable, Writable } from 'node:stream';
import type { ClientCodec } from '../protocols/client-codec.ts';
import type { PoolSocket } from './pool-socket.ts';

const SLICE_BYTES = 64 * 1024;

export class BodySink extends Writable {
  readonly #socket: PoolSocket;
  readonly #codec: ClientCodec;
  #takenBytes = 0;
  #isWriting = false;

  constructor(socket: PoolSocket, codec: ClientCodec) {
    super({ highWaterMark: SLICE_BYTES });
    this.#socket = socket;
    this.#codec = codec;
  }

  /** What came from the source so far. */
  get takenBytes(): number {
    return this.#takenBytes;
  }

  /** True while the source, not the connection, is what the body waits for. */
  get waitsForSource(): boolean {
    return !this.#isWriting && !this.writableEnded;
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: () => void): void {
    this.#takenBytes += chunk.length;
    this.#send(this.#codec.encodeBody(chunk), done);
  }

  override _final(done: () => void): void {
    this.#send(this.#codec.bodyEnd === null ? [] : [this.#codec.bodyEnd], done);
  }

  #send(pieces: readonly Buffer[], done: () => void): void {
    let hasRoom = true;
    // What is encoded stands in several pieces, which leave together.
    this.#socket.cork();
    for (const piece of pieces) hasRoom = this.#socket.write(piece);
    this.#socket.uncork();
    if (hasRoom) {
      done();
      return;
    }
    this.#isWriting = true;
    this.#socket.once('drain', () => {
      this.#isWriting = false;
      done();
    });
  }
}

/** A body that is in memory, in pieces that do not all have to be encoded at once. */
export function bodySource(body: Readable | Buffer | null): Readable {
  return body instanceof Readable ? body : Readable.from(slices(body ?? Buffer.alloc(0)));
}

function* slices(bytes: Buffer): Generator<Buffer, void, undefined> {
  for (let at = 0; at < bytes.length; at += SLICE_BYTES) yield bytes.subarray(at, at + SLICE_BYTES);
}
