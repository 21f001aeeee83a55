/** The channel between a supervisor and its keeper: both ways in order, each message as late as the test wants. */
import type { Keeper, Outcome } from '../../../../src/keeper/client.ts';
import type { Answer, Ask, KeeperEvent, RequestName } from '../../../../src/keeper/protocol.ts';
import type { World } from './world.ts';

/** The keeper at its other end. */
interface Answering {
  readonly askMs: number;
  readonly answerMs: number;
  do<N extends RequestName>(name: N, ask: Ask<N>): Outcome<N>;
}

export class Link implements Keeper {
  readonly #world: World;
  readonly #keeper: Answering;
  readonly #onEvent: (event: KeeperEvent) => void;
  #asks: (() => void)[] = [];
  #messages = 0;
  #askAtMs = 0;
  #answerAtMs = 0;
  #isEnded = false;

  constructor(world: World, keeper: Answering, onEvent: (event: KeeperEvent) => void) {
    this.#world = world;
    this.#keeper = keeper;
    this.#onEvent = onEvent;
  }

  get isQuiet(): boolean {
    return this.#asks.length + this.#messages === 0;
  }

  post<N extends RequestName>(name: N, ask: Ask<N>, done: (outcome: Outcome<N>) => void = () => {}): void {
    if (this.#isEnded) return;
    const sent = structuredClone(ask);
    const { clock } = this.#world;
    this.#asks.push(() => {
      const outcome = this.#keeper.do(name, sent);
      this.#deliver(() => done(structuredClone(outcome)));
    });
    this.#askAtMs = Math.max(this.#askAtMs, clock.nowMs() + this.#keeper.askMs);
    clock.after(this.#askAtMs - clock.nowMs(), () => this.#asks.shift()?.());
  }

  ask<N extends RequestName>(name: N, ask: Ask<N>): Promise<Answer<N>> {
    return new Promise((resolve, reject) => {
      this.post(name, ask, outcome => {
        if ('failure' in outcome) reject(new Error(outcome.failure.message));
        else resolve(outcome.answer);
      });
    });
  }

  send(event: KeeperEvent): void {
    this.#deliver(() => this.#onEvent(event));
  }

  end(heard: number): void {
    for (const ask of this.#asks.splice(0).slice(0, heard)) ask();
    this.#isEnded = true;
  }

  #deliver(message: () => void): void {
    const { clock } = this.#world;
    this.#messages++;
    this.#answerAtMs = Math.max(this.#answerAtMs, clock.nowMs() + this.#keeper.answerMs);
    clock.after(this.#answerAtMs - clock.nowMs(), () => {
      this.#messages--;
      if (!this.#isEnded) message();
    });
  }
}
