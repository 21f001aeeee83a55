/**
 * Bytes that were lent to us and could not be passed on at once. Their memory is used again and again, and held only
 * while something waits: a large answer to a slow reader would otherwise leave as much garbage as it has bytes.
 */

/** As much as is read at a time. */
const STORE_BYTES = 64 * 1024;
/** Stores that nobody uses at the moment, at most. */
const MAX_SPARE = 16;
const spare: Buffer[] = [];

const NOTHING: Buffer = Buffer.alloc(0);

export class ByteQueue {
  #store: Buffer = NOTHING;
  #start = 0;
  #end = 0;

  get length(): number {
    return this.#end - this.#start;
  }

  /** All of them, as a view that is good until the next call. */
  get bytes(): Buffer {
    return this.#store.subarray(this.#start, this.#end);
  }

  /** Copies them behind the others. */
  add(bytes: Buffer): void {
    if (bytes.length === 0) return;
    if (this.#end + bytes.length > this.#store.length) this.#makeRoom(bytes.length);
    bytes.copy(this.#store, this.#end);
    this.#end += bytes.length;
  }

  /** The first `count` were passed on. */
  take(count: number): void {
    this.#start += count;
    if (this.#start >= this.#end) this.clear();
  }

  clear(): void {
    giveBack(this.#store);
    this.#store = NOTHING;
    this.#start = 0;
    this.#end = 0;
  }

  #makeRoom(count: number): void {
    const { bytes } = this;
    const needed = bytes.length + count;
    const isEnough = needed <= this.#store.length;
    const store = isEnough ? this.#store : storeOf(Math.max(needed, 2 * bytes.length));
    bytes.copy(store);
    if (!isEnough) giveBack(this.#store);
    this.#store = store;
    this.#start = 0;
    this.#end = bytes.length;
  }
}

function storeOf(bytes: number): Buffer {
  if (bytes > STORE_BYTES) return Buffer.allocUnsafeSlow(bytes);
  return spare.pop() ?? Buffer.allocUnsafeSlow(STORE_BYTES);
}

function giveBack(store: Buffer): void {
  if (store.length === STORE_BYTES && spare.length < MAX_SPARE) spare.push(store);
}
