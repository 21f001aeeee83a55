/**
 * One thread that waits for many descriptors (DESIGN D5): epoll_wait(2) as an asynchronous call, so that pidfds
 * and pipes cost neither a timer nor an object of Node's each.
 */
import { closeSync } from 'node:fs';
import { declare, must } from './libc.ts';

const epollCreate = declare('int epoll_create1(int)');
const epollCtl = declare('int epoll_ctl(int, int, int, void*)');
const epollWait = declare('int epoll_wait(int, void*, int, int)');
const eventfd = declare('int eventfd(unsigned int, int)');
const eventfdWrite = declare('int eventfd_write(int, uint64_t)');

const CLOEXEC = 0o2000000;
const NONBLOCK = 0o4000;
const CTL_ADD = 1;
const CTL_DEL = 2;
const IN = 1;
/** struct epoll_event is packed on x86 only. */
const EVENT_BYTES = process.arch === 'x64' || process.arch === 'ia32' ? 12 : 16;
const DATA_OFFSET = EVENT_BYTES - 8;
const EVENTS_A_ROUND = 256;

export class Poller {
  readonly #epoll: number = must(epollCreate(CLOEXEC), 'epoll_create1');
  readonly #waker: number = must(eventfd(0, CLOEXEC | NONBLOCK), 'eventfd');
  readonly #handlers = new Map<number, () => void>();
  /** The thread writes into it: it must live as long as a call is under way. */
  readonly #events: Buffer = Buffer.alloc(EVENT_BYTES * EVENTS_A_ROUND);
  #closed = false;

  constructor() {
    this.#control(CTL_ADD, this.#waker);
    this.#wait();
  }

  /** Calls the handler, on the main thread, as long as the descriptor can be read or is at its end. */
  add(descriptor: number, handler: () => void): void {
    this.#control(CTL_ADD, descriptor);
    this.#handlers.set(descriptor, handler);
  }

  /** Call it before the descriptor is closed. */
  remove(descriptor: number): void {
    this.#handlers.delete(descriptor);
    this.#control(CTL_DEL, descriptor);
  }

  /** Ends the thread; without it the process could not exit. */
  close(): void {
    this.#closed = true;
    eventfdWrite(this.#waker, 1);
  }

  #control(operation: number, descriptor: number): void {
    const event = Buffer.alloc(EVENT_BYTES);
    event.writeUInt32LE(IN, 0);
    event.writeInt32LE(descriptor, DATA_OFFSET);
    must(epollCtl(this.#epoll, operation, descriptor, event), 'epoll_ctl');
  }

  #wait(): void {
    epollWait.async(this.#epoll, this.#events, EVENTS_A_ROUND, -1, (_error: unknown, count: number) => {
      try {
        for (let i = 0; i < count && !this.#closed; i++) {
          // A handler may have removed the descriptor of a later event; the map tells what is still wanted.
          this.#handlers.get(this.#events.readInt32LE(i * EVENT_BYTES + DATA_OFFSET))?.();
        }
      } finally {
        if (this.#closed) this.#release();
        else this.#wait();
      }
    });
  }

  #release(): void {
    closeSync(this.#epoll);
    closeSync(this.#waker);
  }
}
