/** A promise that is settled from outside, once; Promise.withResolvers is not in Node 20. */
export class Deferred<T> {
  readonly promise: Promise<T>;
  #state: 'pending' | 'resolved' | 'rejected' = 'pending';
  #resolve: (value: T) => void = () => {};
  #reject: (error: Error) => void = () => {};

  constructor() {
    this.promise = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
  }

  get state(): 'pending' | 'resolved' | 'rejected' {
    return this.#state;
  }

  resolve(value: T): void {
    if (this.#state !== 'pending') return;
    this.#state = 'resolved';
    this.#resolve(value);
  }

  reject(error: Error): void {
    if (this.#state !== 'pending') return;
    this.#state = 'rejected';
    this.#reject(error);
  }
}
