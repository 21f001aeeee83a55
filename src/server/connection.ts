/**
 * One accepted socket: bytes in as they come, bytes out as the client takes them, and how it ends. It knows nothing of
 * protocols: those are its session's, which hears of each thing as it happens.
 */
import { closeSync } from 'node:fs';
import { FAILED, HUNG_UP, PEER_FINISHED, type Poller, READABLE, WRITABLE } from '../os/poller.ts';
import { CONNECTION_LOST, finishSending, receive, resetOnClose, WOULD_BLOCK } from '../os/stream-socket.ts';
import type { ServerSession, SessionConnection } from '../protocols/server-session.ts';
import type { Awaited, Deadlines } from './deadlines.ts';
import { WriteQueue } from './write-queue.ts';

/** What all connections of a listener share. */
export interface ConnectionContext {
  readonly poller: Poller;
  /** The listener is a Unix socket: an end of the client's bytes is not yet the end of the client. */
  readonly isUnix: boolean;
  readonly deadlines: Deadlines;
  readonly openSession: (connection: SessionConnection) => ServerSession;
  /** @param descriptor the number that it had */
  closed(descriptor: number): void;
}

/** One for all connections: whatever is to outlive the call that it is lent to is copied. */
const chunk: Buffer = Buffer.allocUnsafeSlow(64 * 1024);

/** How long a client may go on sending what nobody wants to read, after its answer. */
const LINGER_MS = 5_000;

/** `open` until its end is wanted; `finishing` until all is sent; then `lingering` where the client may be sending. */
type State = 'open' | 'finishing' | 'lingering' | 'closed';

export class Connection implements Awaited, SessionConnection {
  readonly descriptor: number;
  readonly #context: ConnectionContext;
  readonly #session: ServerSession;
  readonly #queue: WriteQueue;
  #state: State = 'open';
  #isWanted = true;
  #isAtEnd = false;
  #mayBeSending = false;
  /** What the poller was told. */
  #events: number;

  constructor(descriptor: number, context: ConnectionContext) {
    this.descriptor = descriptor;
    this.#context = context;
    this.#queue = new WriteQueue(descriptor);
    this.#events = this.#wanted();
    context.poller.add(descriptor, events => this.#happened(events), this.#events);
    this.#session = context.openSession(this);
  }

  /** Ends as soon as nothing is lost by it. */
  stop(): void {
    this.#session.stop();
  }

  get isOpen(): boolean {
    return this.#state === 'open';
  }

  /** Bytes that the client has not taken yet. */
  get waitingBytes(): number {
    return this.#queue.length;
  }

  /** Whether more bytes are wanted; a client that hangs up is noticed either way. */
  set reads(wanted: boolean) {
    this.#isWanted = wanted;
    this.#update();
  }

  /** @returns false when the client does not keep up: `drained` says when it has */
  write(pieces: readonly Buffer[]): boolean {
    if (this.#state !== 'open') return false;
    const isFirst = !this.#queue.isHeld;
    this.#queue.write(pieces);
    if (isFirst && this.#queue.isHeld) process.nextTick(() => this.#sendHeld());
    this.#update();
    return this.#queue.length === 0;
  }

  /** `overdue` is called when this is not taken back in time; to say it again gives no more time. */
  expect(withinMs: number): void {
    if (!this.#context.deadlines.has(this)) this.#context.deadlines.set(this, withinMs);
  }

  expectNothing(): void {
    this.#context.deadlines.clear(this);
  }

  /**
   * Closes it as soon as everything is sent. A close with bytes unread would throw away what the client has not read
   * yet, so where it may still be sending, it is first told the end and read for a while.
   */
  finish(mayBeSending: boolean): void {
    if (this.#state !== 'open') return;
    this.#state = 'finishing';
    this.#mayBeSending = mayBeSending;
    this.expectNothing();
    this.#queue.release();
    this.#finishIfSent();
  }

  /** Closes it at once; what waits is not sent, and over TCP the client sees that something is missing. */
  reset(): void {
    if (this.#state === 'closed') return;
    this.#queue.release();
    if (!this.#context.isUnix) resetOnClose(this.descriptor);
    this.#close();
  }

  /** For the deadlines. */
  overdue(): void {
    if (this.#state === 'open') this.#session.overdue();
    else if (this.#state === 'lingering') this.#close();
  }

  #happened(events: number): void {
    if ((events & (HUNG_UP | FAILED | PEER_FINISHED)) !== 0) {
      this.#lost();
      return;
    }
    if ((events & WRITABLE) !== 0) this.#flush();
    // It may be over by now, or want no more.
    if ((events & this.#events & READABLE) !== 0 && this.#state !== 'closed') this.#receive();
  }

  #receive(): void {
    const count = receive(this.descriptor, chunk);
    if (count === WOULD_BLOCK) return;
    if (count === CONNECTION_LOST) this.#lost();
    else if (this.#state === 'open') this.#handOver(count);
    else if (count === 0) this.#close();
  }

  #handOver(count: number): void {
    if (count > 0) {
      this.#session.received(chunk.subarray(0, count));
      return;
    }
    this.#isAtEnd = true;
    this.#update();
    this.#session.finished();
  }

  #sendHeld(): void {
    if (this.#state === 'closed') return;
    this.#queue.release();
    this.#update();
  }

  #flush(): void {
    this.#queue.flush();
    if (this.#queue.length > 0) return;
    this.#update();
    if (this.#state === 'open') this.#session.drained();
    else this.#finishIfSent();
  }

  #finishIfSent(): void {
    if (this.#queue.length === 0 && !this.#mayBeSending) {
      this.#close();
      return;
    }
    if (this.#queue.length === 0) {
      this.#state = 'lingering';
      finishSending(this.descriptor);
      this.#context.deadlines.set(this, LINGER_MS);
    }
    this.#update();
  }

  #lost(): void {
    const wasOpen = this.#state === 'open';
    this.#queue.drop();
    this.#release();
    if (wasOpen) this.#session.gone();
    this.#context.closed(this.descriptor);
  }

  #close(): void {
    this.#release();
    this.#context.closed(this.descriptor);
  }

  #release(): void {
    this.#state = 'closed';
    this.expectNothing();
    this.#context.poller.remove(this.descriptor);
    closeSync(this.descriptor);
  }

  /** A hang-up is always told. Over TCP it cannot be told from an end of the client's bytes, which therefore is one. */
  #wanted(): number {
    const reads = this.#state === 'lingering' || (this.#state === 'open' && this.#isWanted && !this.#isAtEnd);
    const writes = this.#state !== 'closed' && this.#queue.length > 0;
    return (reads ? READABLE : 0) | (writes ? WRITABLE : 0) | (this.#context.isUnix ? 0 : PEER_FINISHED);
  }

  #update(): void {
    if (this.#state === 'closed') return;
    const events = this.#wanted();
    if (events === this.#events) return;
    this.#events = events;
    this.#context.poller.change(this.descriptor, events);
  }
}
