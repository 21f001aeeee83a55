/**
 * Collects bytes that arrive in pieces of any size. The store doubles, so that a sender who splits a megabyte
 * into single bytes costs each byte at most two copies, and no piece of the input is kept alive by a view.
 */
const FIRST_BYTES = 256;
const NOTHING: Buffer = Buffer.alloc(0);

export class ByteBuilder {
  #store: Buffer = NOTHING;
  #length = 0;

  get length(): number {
    return this.#length;
  }

  add(piece: Uint8Array): void {
    const needed = this.#length + piece.length;
    if (needed > this.#store.length) {
      const larger = Buffer.allocUnsafe(Math.max(FIRST_BYTES, this.#store.length * 2, needed));
      larger.set(this.#store.subarray(0, this.#length));
      this.#store = larger;
    }
    this.#store.set(piece, this.#length);
    this.#length = needed;
  }

  /** Hands the bytes over and starts anew; the caller owns what it gets. */
  take(): Buffer {
    const taken = this.#store.subarray(0, this.#length);
    this.#store = NOTHING;
    this.#length = 0;
    return taken;
  }
}
