/**
 * What C programs take as argv and envp: an array of pointers to strings, with a null at its end. Packed by hand into
 * memory that is used again, because of the thousands of strings a second that a host of scripts passes on.
 */
import { addressOf } from './libc.ts';

const POINTER_BYTES = 8;
const FIRST_POINTERS = 64;
const FIRST_BYTES = 8 * 1024;
/** What a single long one has needed is not kept for all that come after it. */
const KEPT_BYTES = 64 * 1024;
const EQUALS_SIGN = 0x3d;

export class StringVector {
  #bytes: Buffer = Buffer.alloc(FIRST_BYTES);
  #length = 0;
  /** Where each string begins. */
  readonly #starts: number[] = [];
  #pointers: Buffer = Buffer.alloc(FIRST_POINTERS * POINTER_BYTES);

  clear(): void {
    this.#length = 0;
    this.#starts.length = 0;
    if (this.#bytes.length > KEPT_BYTES) this.#bytes = Buffer.alloc(FIRST_BYTES);
  }

  /** @param text without a NUL: what is behind one would be lost */
  add(text: Buffer): void {
    this.#reserve(text.length + 1);
    this.#starts.push(this.#length);
    this.#append(text);
    this.#terminate();
  }

  /** NAME=VALUE. @param name of ASCII */
  addVariable(name: string, value: Buffer): void {
    this.#reserve(name.length + value.length + 2);
    this.#starts.push(this.#length);
    this.#length += this.#bytes.write(name, this.#length, 'latin1');
    this.#bytes[this.#length++] = EQUALS_SIGN;
    this.#append(value);
    this.#terminate();
  }

  /** The array. It holds until something is added or cleared, and only while this object lives. */
  pointers(): Buffer {
    const needed = (this.#starts.length + 1) * POINTER_BYTES;
    if (needed > this.#pointers.length) this.#pointers = Buffer.alloc(needed * 2);
    // An address that malloc(3) gives has 47 bits, few enough to be reckoned with as a number.
    const base = Number(addressOf(this.#bytes));
    let at = 0;
    for (const start of this.#starts) at = this.#point(base + start, at);
    this.#point(0, at);
    return this.#pointers;
  }

  #point(address: number, at: number): number {
    this.#pointers.writeUInt32LE(address % 2 ** 32, at);
    return this.#pointers.writeUInt32LE(Math.floor(address / 2 ** 32), at + 4);
  }

  #append(text: Buffer): void {
    text.copy(this.#bytes, this.#length);
    this.#length += text.length;
  }

  #terminate(): void {
    this.#bytes[this.#length++] = 0;
  }

  #reserve(more: number): void {
    const needed = this.#length + more;
    if (needed <= this.#bytes.length) return;
    const larger = Buffer.alloc(Math.max(needed, this.#bytes.length * 2));
    this.#bytes.copy(larger, 0, 0, this.#length);
    this.#bytes = larger;
  }
}
