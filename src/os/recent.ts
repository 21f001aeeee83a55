/** What was found a moment ago: hundreds of pools ask for the same one after the other. What was not found is not kept. */

const FRESH_MS = 1000;

export class Recent<T> {
  readonly #found = new Map<string, T>();
  #sinceMs = 0;

  /** @param find is called when nothing is known, or no more; null: there is none */
  of(name: string, find: () => T | null): T | null {
    const nowMs = performance.now();
    if (nowMs - this.#sinceMs >= FRESH_MS) this.#found.clear();
    const known = this.#found.get(name);
    if (known !== undefined) return known;
    const found = find();
    if (found === null) return null;
    if (this.#found.size === 0) this.#sinceMs = nowMs;
    this.#found.set(name, found);
    return found;
  }
}
