/** A keeper to which the `listen` requests of one moment go as one: it looks only once who has an address then. */
import type { Keeper, Outcome } from './client.ts';
import type { Answer, Ask, ListenerSpec, RequestName } from './protocol.ts';

type Done = (outcome: Outcome<'listen'>) => void;

export class ListenBatch implements Keeper {
  readonly #keeper: Keeper;
  #waiting: { readonly specs: readonly ListenerSpec[]; readonly done: Done }[] = [];

  constructor(keeper: Keeper) {
    this.#keeper = keeper;
  }

  post<N extends RequestName>(name: N, ask: Ask<N>, done: (outcome: Outcome<N>) => void = () => {}): void {
    if (name !== 'listen') {
      this.#keeper.post(name, ask, done);
      return;
    }
    if (this.#waiting.length === 0) queueMicrotask(() => this.#send());
    this.#waiting.push({ specs: (ask as Ask<'listen'>).specs, done: done as Done });
  }

  ask<N extends RequestName>(name: N, ask: Ask<N>): Promise<Answer<N>> {
    return this.#keeper.ask(name, ask);
  }

  #send(): void {
    const waiting = this.#waiting.splice(0);
    this.#keeper.post('listen', { specs: waiting.flatMap(({ specs }) => specs) }, outcome => {
      let from = 0;
      for (const { specs, done } of waiting) {
        const to = from + specs.length;
        done(
          'failure' in outcome ? outcome : { answer: { results: outcome.answer.results.slice(from, to) } },
        );
        from = to;
      }
    });
  }
}
