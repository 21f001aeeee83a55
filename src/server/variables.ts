/** The variables of a request by name. A name that stands twice has its last value. */
import type { Pair } from '../protocols/pair.ts';

export class Variables {
  readonly #values = new Map<string, Buffer>();

  /** The values are kept as they are, and must not be overwritten meanwhile. */
  constructor(pairs: readonly Pair[]) {
    for (const [name, value] of pairs) this.#values.set(name.toString('latin1'), value);
    // "Proxy: x" of a client, which programs take for their own proxy (httpoxy, CVE-2016-5385).
    this.#values.delete('HTTP_PROXY');
  }

  bytes(name: string): Buffer | undefined {
    return this.#values.get(name);
  }

  /** UTF-8; empty where it is not there. */
  text(name: string): string {
    return this.#values.get(name)?.toString('utf8') ?? '';
  }

  /** A character a byte, as HTTP fields are; empty where it is not there. */
  latin1(name: string): string {
    return this.#values.get(name)?.toString('latin1') ?? '';
  }

  /** Values as UTF-8. */
  toMap(): Map<string, string> {
    return new Map(Array.from(this.#values, ([name, value]) => [name, value.toString('utf8')]));
  }

  [Symbol.iterator](): MapIterator<[string, Buffer]> {
    return this.#values.entries();
  }
}
