/** How many scripts run at once, and who waits: first come, first served among those that may run. */

export interface AdmissionLimits {
  /** At once, and of one script at once; 0 = no limit. */
  readonly maxScripts: number;
  readonly maxPerScript: number;
  readonly maxQueue: number;
}

export type Admitted = 'runs' | 'waits' | 'refused';

/** `T` is what waits; the key is which script it is. */
export class Admission<T> {
  readonly #limits: AdmissionLimits;
  /** Every script that runs, and how often. */
  readonly #running = new Map<string, number>();
  /** In the order of their coming. */
  readonly #waiting = new Map<T, string>();
  #count = 0;
  #undecided = 0;

  constructor(limits: AdmissionLimits) {
    this.#limits = limits;
  }

  get running(): number {
    return this.#count;
  }

  get waiting(): number {
    return this.#waiting.size;
  }

  enter(key: string, who: T): Admitted {
    // Whoever waits while there is room waits for a place of its own script; nobody of that one passes it.
    if (this.#hasRoom() && this.#hasRoomFor(key)) {
      this.#take(key);
      return 'runs';
    }
    if (this.#waiting.size >= this.#limits.maxQueue) return 'refused';
    this.#waiting.set(who, key);
    return 'waits';
  }

  /**
   * One has not brought the first byte of its body yet, so it need not enter: a client that sends none takes no place.
   * It holds descriptors, so there are no more of them than may wait.
   * @returns false: it has to enter at once. After true, `decide` follows
   */
  defer(): boolean {
    if (this.#undecided >= this.#limits.maxQueue) return false;
    this.#undecided++;
    return true;
  }

  /** It enters now, or goes away. */
  decide(): void {
    this.#undecided--;
  }

  /** One that waits goes away. @returns false when it did not wait */
  withdraw(who: T): boolean {
    return this.#waiting.delete(who);
  }

  /** One that ran has ended. @returns who may run now in its place, and counts as running */
  leave(key: string): T | undefined {
    const left = (this.#running.get(key) ?? 0) - 1;
    if (left > 0) this.#running.set(key, left);
    else this.#running.delete(key);
    this.#count--;
    for (const [who, waitingKey] of this.#waiting) {
      if (!this.#hasRoom()) return undefined;
      if (!this.#hasRoomFor(waitingKey)) continue;
      this.#waiting.delete(who);
      this.#take(waitingKey);
      return who;
    }
    return undefined;
  }

  #take(key: string): void {
    this.#running.set(key, (this.#running.get(key) ?? 0) + 1);
    this.#count++;
  }

  #hasRoom(): boolean {
    return this.#limits.maxScripts === 0 || this.#count < this.#limits.maxScripts;
  }

  #hasRoomFor(key: string): boolean {
    const { maxPerScript } = this.#limits;
    return maxPerScript === 0 || (this.#running.get(key) ?? 0) < maxPerScript;
  }
}
