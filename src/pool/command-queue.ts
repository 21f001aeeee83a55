/**
 * The commands on a pool, one after the other: each waits for its turn, and a stop does not wait: it ends
 * what is under way and takes the place of what waits.
 */

export type CommandName = 'start' | 'stop' | 'reload' | 'reconfigure' | 'scale' | 'pause' | 'takeover';

interface Entry {
  readonly name: CommandName;
  readonly abort: AbortController;
  readonly promise: Promise<unknown>;
  readonly begin: () => void;
  readonly reject: (reason: Error) => void;
}

export class CommandQueue {
  #current: Entry | null = null;
  #waiting: Entry[] = [];
  /** Why nothing can be asked any more; null: it can. */
  #closed: Error | null = null;

  /** The one that is under way. */
  get current(): CommandName | null {
    return this.#current?.name ?? null;
  }

  /** What one that has not begun came to, or comes to; null: none waits. */
  waiting(name: CommandName): Promise<unknown> | null {
    return this.#waiting.find(entry => entry.name === name)?.promise ?? null;
  }

  /** What the one under way comes to. */
  get outcome(): Promise<unknown> | null {
    return this.#current?.promise ?? null;
  }

  /** @param work is called when its turn has come; its signal is aborted when a stop ends it */
  run<T>(name: CommandName, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
    if (this.#closed !== null) return Promise.reject(this.#closed);
    const abort = new AbortController();
    let begin = (): void => {};
    let reject = (_reason: Error): void => {};
    const promise = new Promise<T>((resolve, fail) => {
      reject = fail;
      begin = () => {
        work(abort.signal)
          .then(resolve, fail)
          .finally(() => this.#ended());
      };
    });
    this.#waiting.push({ name, abort, promise, begin, reject });
    this.#next();
    return promise;
  }

  /** Gives up what waits, ends what is under way, and does this next. @param reason for those that are given up */
  preempt<T>(reason: Error, name: CommandName, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
    this.giveUp(reason);
    this.#current?.abort.abort(reason);
    return this.run(name, work);
  }

  /** Gives up what waits, but for a stop: it is what takes its place. */
  giveUp(reason: Error): void {
    const waiting = this.#waiting;
    this.#waiting = waiting.filter(({ name }) => name === 'stop');
    for (const { name, reject } of waiting) if (name !== 'stop') reject(reason);
  }

  /** Gives up those of that name that wait, and ends the one under way. */
  cancel(name: CommandName, reason: Error): void {
    const cancelled = this.#waiting.filter(entry => entry.name === name);
    this.#waiting = this.#waiting.filter(entry => entry.name !== name);
    for (const { reject } of cancelled) reject(reason);
    if (this.current === name) this.#current?.abort.abort(reason);
  }

  /** Nothing can be asked from now on; what waits comes to its turn still. */
  close(reason: Error): void {
    this.#closed = reason;
  }

  #next(): void {
    if (this.#current !== null) return;
    const entry = this.#waiting.shift();
    if (entry === undefined) return;
    this.#current = entry;
    entry.begin();
  }

  #ended(): void {
    this.#current = null;
    this.#next();
  }
}
