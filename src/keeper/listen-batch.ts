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
    if (name === 'listen') {
      if (this.#waiting.length === 0) queueMicrotask(() => this.#send());
      this.#waiting.push({ specs: (ask as Ask<'listen'>).specs, done: done as Done });
      return;
    }
    // What is asked of a listener after it was to be opened comes after that.
    const id = listenerOf(name, ask);
    if (this.#waiting.some(({ specs }) => specs.some(spec => spec.id === id))) this.#send();
    this.#keeper.post(name, ask, done);
  }

  ask<N extends RequestName>(name: N, ask: Ask<N>): Promise<Answer<N>> {
    return this.#keeper.ask(name, ask);
  }

  #send(): void {
    const waiting = this.#waiting.splice(0);
    if (waiting.length === 0) return;
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

/** The listener that a request is about; null: none. */
function listenerOf(name: RequestName, ask: Ask<RequestName>): string | null {
  if (name === 'spawn') return (ask as Ask<'spawn'>).spec.listener;
  return 'id' in ask ? ask.id : null;
}
