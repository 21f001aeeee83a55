/** The supervisor's side of the protocol. */
import { Channel } from './channel.ts';
import type {
  Answer,
  Ask,
  Failure,
  KeeperEvent,
  KeeperMessage,
  RequestName,
  SupervisorMessage,
} from './protocol.ts';

/** A request that the keeper could not fulfil; `code` is the system error's name where it was one. */
export class KeeperError extends Error {
  readonly code: string | null;

  constructor(failure: Failure) {
    super(failure.message);
    this.name = 'KeeperError';
    this.code = failure.code;
  }
}

export type Outcome<N extends RequestName> = { readonly answer: Answer<N> } | { readonly failure: Failure };

/** What the rest of the supervisor sees of the keeper; the seam for tests. */
export interface Keeper {
  /** Calls back in the order of the keeper's messages: a worker is known before its exit is reported. */
  post<N extends RequestName>(name: N, ask: Ask<N>, done?: (outcome: Outcome<N>) => void): void;
  /** @throws {KeeperError} when the keeper could not do it */
  ask<N extends RequestName>(name: N, ask: Ask<N>): Promise<Answer<N>>;
}

export class KeeperClient implements Keeper {
  readonly #channel: Channel<SupervisorMessage, KeeperMessage>;
  readonly #waiting = new Map<number, (outcome: { answer: unknown } | { failure: Failure }) => void>();
  #lastId = 0;

  constructor(descriptor: number, onEvent: (event: KeeperEvent) => void, onEnd: () => void) {
    this.#channel = new Channel(
      descriptor,
      message => {
        if ('event' in message) onEvent(message);
        else this.#answered(message);
      },
      onEnd,
    );
  }

  post<N extends RequestName>(name: N, ask: Ask<N>, done: (outcome: Outcome<N>) => void = () => {}): void {
    const id = ++this.#lastId;
    this.#waiting.set(id, done as (outcome: { answer: unknown } | { failure: Failure }) => void);
    this.#channel.send({ id, name, ask } as SupervisorMessage);
  }

  ask<N extends RequestName>(name: N, ask: Ask<N>): Promise<Answer<N>> {
    return new Promise((resolve, reject) => {
      this.post(name, ask, outcome => {
        if ('failure' in outcome) reject(new KeeperError(outcome.failure));
        else resolve(outcome.answer);
      });
    });
  }

  close(): void {
    this.#channel.close();
  }

  #answered(message: Exclude<KeeperMessage, KeeperEvent>): void {
    const done = this.#waiting.get(message.id);
    this.#waiting.delete(message.id);
    done?.(message);
  }
}
