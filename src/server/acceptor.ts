/** Takes connections from a listening socket, also when there is no descriptor left for one. */
import { nowMs } from '../os/clock.ts';
import { SystemError } from '../os/libc.ts';
import { EXCLUSIVE, type Poller, READABLE } from '../os/poller.ts';
import { accept, CONNECTION_LOST } from '../os/stream-socket.ts';

/** How long connections wait when there is no descriptor for one; somebody else may give one back at any time. */
const RETRY_MS = 100;
const SAY_AGAIN_AFTER_MS = 60_000;

export interface AcceptorEvents {
  /** A connection, non-blocking and close-on-exec. */
  accepted(descriptor: number): void;
  /** No connection could be taken; told once a minute while it goes on. */
  failed(error: SystemError): void;
}

export class Acceptor {
  readonly #listener: number;
  readonly #poller: Poller;
  readonly #events: AcceptorEvents;
  #isWatching = false;
  #saidAtMs = Number.NEGATIVE_INFINITY;
  #retry: NodeJS.Timeout | null = null;

  constructor(listener: number, poller: Poller, events: AcceptorEvents) {
    this.#listener = listener;
    this.#poller = poller;
    this.#events = events;
    this.#watch();
  }

  close(): void {
    if (this.#retry !== null) clearTimeout(this.#retry);
    this.#retry = null;
    this.#unwatch();
  }

  /** One at a time: other processes may be waiting for the next one, and what was accepted already has its turn. */
  #accept(): void {
    let descriptor: number;
    try {
      descriptor = accept(this.#listener);
    } catch (error) {
      if (!(error instanceof SystemError)) throw error;
      this.#backOff(error);
      return;
    }
    if (descriptor === CONNECTION_LOST) this.#unwatch();
    if (descriptor >= 0) this.#events.accepted(descriptor);
  }

  #backOff(error: SystemError): void {
    this.#unwatch();
    this.#retry = setTimeout(() => this.#watch(), RETRY_MS);
    const now = nowMs();
    if (now < this.#saidAtMs + SAY_AGAIN_AFTER_MS) return;
    this.#saidAtMs = now;
    this.#events.failed(error);
  }

  #watch(): void {
    this.#retry = null;
    this.#isWatching = true;
    this.#poller.add(this.#listener, () => this.#accept(), READABLE | EXCLUSIVE);
  }

  #unwatch(): void {
    if (this.#isWatching) this.#poller.remove(this.#listener);
    this.#isWatching = false;
  }
}
