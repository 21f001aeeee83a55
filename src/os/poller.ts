/**
 * One thread that waits for many descriptors (DESIGN D5): epoll_wait(2) as an asynchronous call, so that pidfds,
 * pipes and sockets cost neither a timer nor an object of Node's each. While there is something to do it is asked
 * without the thread: a way there and back costs more than most handlers.
 */
import { closeSync } from 'node:fs';
import { declare, must } from './libc.ts';

const epollCreate = declare('int epoll_create1(int)');
const epollCtl = declare('int epoll_ctl(int, int, int, void*)');
const epollWait = declare('int epoll_wait(int, void*, int, int)');
const eventfd = declare('int eventfd(unsigned int, int)');
const eventfdWrite = declare('int eventfd_write(int, uint64_t)');

/** What a handler is called for (epoll_ctl(2)): it can be read or is at its end; it can be written. */
export const READABLE = 0x1;
export const WRITABLE = 0x4;
/** Told whether it was asked for or not: an error, and that both directions are closed. */
export const FAILED = 0x8;
export const HUNG_UP = 0x10;
/** The other side will send no more: for those who do not read at the moment. */
export const PEER_FINISHED = 0x2000;
/** Of the processes that wait for a listening socket so, not all are woken for each connection. */
export const EXCLUSIVE: number = 2 ** 28;

const CLOEXEC = 0o2000000;
const NONBLOCK = 0o4000;
const CTL_ADD = 1;
const CTL_DEL = 2;
const CTL_MOD = 3;
/** struct epoll_event is packed on x86 only. */
const EVENT_BYTES = process.arch === 'x64' || process.arch === 'ia32' ? 12 : 16;
const DATA_OFFSET = EVENT_BYTES - 8;
const EVENTS_A_ROUND = 256;
/** Then timers and whatever else Node has to do get their turn. */
const ROUNDS_A_TURN = 16;

/** @param events what has happened, of the constants above */
export type PollHandler = (events: number) => void;

interface Watched {
  readonly handler: PollHandler;
  /** Tells an event of this one from that of a descriptor that had the same number before. */
  readonly serial: number;
}

export class Poller {
  readonly #epoll: number = must(epollCreate(CLOEXEC), 'epoll_create1');
  readonly #waker: number = must(eventfd(0, CLOEXEC | NONBLOCK), 'eventfd');
  readonly #watched = new Map<number, Watched>();
  /** The thread writes into it: it must live as long as a call is under way. */
  readonly #events: Buffer = Buffer.alloc(EVENT_BYTES * EVENTS_A_ROUND);
  readonly #event: Buffer = Buffer.alloc(EVENT_BYTES);
  #serial = 0;
  #closed = false;

  constructor() {
    this.#control(CTL_ADD, this.#waker, READABLE, 0);
    this.#wait();
  }

  /**
   * Calls the handler, on the main thread, as long as one of the events holds.
   * @throws {SystemError} EPERM for what cannot be waited for, such as a regular file
   */
  add(descriptor: number, handler: PollHandler, events: number = READABLE): void {
    this.#serial = (this.#serial + 1) >>> 0;
    this.#control(CTL_ADD, descriptor, events, this.#serial);
    this.#watched.set(descriptor, { handler, serial: this.#serial });
  }

  /** Waits for these events from now on; 0: only for failures and hang-ups. Not for EXCLUSIVE ones. */
  change(descriptor: number, events: number): void {
    this.#control(CTL_MOD, descriptor, events, this.#watched.get(descriptor)?.serial ?? 0);
  }

  /**
   * Call it before the descriptor is closed: a child that has not come to its exec yet holds a copy, which would go on
   * being looked at.
   */
  remove(descriptor: number): void {
    this.#watched.delete(descriptor);
    this.#control(CTL_DEL, descriptor, 0, 0);
  }

  /** Ends the thread; without it the process could not exit. */
  close(): void {
    this.#closed = true;
    eventfdWrite(this.#waker, 1);
  }

  #control(operation: number, descriptor: number, events: number, serial: number): void {
    this.#event.writeUInt32LE(events, 0);
    this.#event.writeInt32LE(descriptor, DATA_OFFSET);
    this.#event.writeUInt32LE(serial, DATA_OFFSET + 4);
    must(epollCtl(this.#epoll, operation, descriptor, this.#event), 'epoll_ctl');
  }

  #wait(): void {
    epollWait.async(this.#epoll, this.#events, EVENTS_A_ROUND, -1, (_error: unknown, count: number) =>
      this.#turn(count),
    );
  }

  /** @param ready how many events there are; -1: they are still to be asked for */
  #turn(ready = -1): void {
    let count = ready;
    try {
      for (let round = 0; count !== 0 && !this.#closed && round < ROUNDS_A_TURN; round++) {
        this.#handle(count);
        count = epollWait(this.#epoll, this.#events, EVENTS_A_ROUND, 0);
      }
    } finally {
      if (this.#closed) this.#release();
      else if (count > 0) setImmediate(() => this.#turn());
      else this.#wait();
    }
  }

  #handle(count: number): void {
    for (let i = 0; i < count && !this.#closed; i++) {
      const at = i * EVENT_BYTES;
      const watched = this.#watched.get(this.#events.readInt32LE(at + DATA_OFFSET));
      // A handler may have removed the descriptor of a later event, and another one may have got its number since.
      if (watched?.serial !== this.#events.readUInt32LE(at + DATA_OFFSET + 4)) continue;
      watched.handler(this.#events.readUInt32LE(at));
    }
  }

  #release(): void {
    closeSync(this.#epoll);
    closeSync(this.#waker);
  }
}
