/** A binary heap: the entry with the smallest key comes first. */
export class Heap<T> {
  readonly #entries: { readonly key: number; readonly value: T }[] = [];

  get size(): number {
    return this.#entries.length;
  }

  /** The smallest key; infinite when there is none. */
  get firstKey(): number {
    return this.#entries[0]?.key ?? Number.POSITIVE_INFINITY;
  }

  push(key: number, value: T): void {
    const entries = this.#entries;
    const entry = { key, value };
    let index = entries.push(entry) - 1;
    while (index > 0) {
      const up = (index - 1) >> 1;
      const parent = entries[up];
      if (parent === undefined || parent.key <= key) break;
      entries[index] = parent;
      index = up;
    }
    entries[index] = entry;
  }

  pop(): T | undefined {
    const entries = this.#entries;
    const first = entries[0];
    const last = entries.pop();
    if (last === undefined || last === first) return first?.value;
    let index = 0;
    for (;;) {
      let down = 2 * index + 1;
      const [left, right] = [entries[down], entries[down + 1]];
      const isRight = left !== undefined && right !== undefined && right.key < left.key;
      if (isRight) down++;
      const child = isRight ? right : left;
      if (child === undefined || child.key >= last.key) break;
      entries[index] = child;
      index = down;
    }
    entries[index] = last;
    return first?.value;
  }
}
