/**
 * Values by descriptor, in an array, as the kernel has them. Not a Map: where thousands of entries come and go a second,
 * V8 renews its table over and over, and each old one keeps the next one alive, with all that stood in it. That is a
 * request each here, which is then copied by every small garbage collection and kept until the next large one.
 */
export class DescriptorTable<T> {
  readonly #values: (T | undefined)[] = [];
  #size = 0;

  /** How many descriptors have a value. */
  get size(): number {
    return this.#size;
  }

  get(descriptor: number): T | undefined {
    return this.#values[descriptor];
  }

  set(descriptor: number, value: T): void {
    while (this.#values.length < descriptor) this.#values.push(undefined); // no holes: those are slow
    if (this.#values[descriptor] === undefined) this.#size++;
    this.#values[descriptor] = value;
  }

  delete(descriptor: number): void {
    if (this.#values[descriptor] === undefined) return;
    this.#values[descriptor] = undefined;
    this.#size--;
  }

  /** In the order of their descriptors, as they are now. */
  values(): T[] {
    return this.#values.filter(value => value !== undefined);
  }
}
