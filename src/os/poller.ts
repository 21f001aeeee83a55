/**
 * One epoll instance for many descriptors, so that pidfds, pipes and sockets cost neither a timer nor an
 * object of Node's each. Node's own event loop waits for it as for one descriptor: a way through a thread, which
 * epoll_wait(2) as an asynchronous call takes, costs ten times as much.
 */
import { closeSync } from 'node:fs';
import { DescriptorTable } from './descriptor-table.ts';
import { declare, type LoopHandle, must, watchReadable } from './libc.ts';

const epollCreate = declare('int epoll_create1(int)');
const epollCtl = declare('int epoll_ctl(int, int, int, void*)');
const epollWait = declare('int epoll_wait(int, void*, int, int)');

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
const CTL_ADD = 1;
const CTL_DEL = 2;
const CTL_MOD = 3;
/** struct epoll_event is packed on x86 only. */
const EVENT_BYTES = process.arch === 'x64' || process.arch === 'ia32' ? 12 : 16;
const DATA_OFFSET = EVENT_BYTES - 8;
/** Then timers, promises and whatever else Node has to do get their turn. */
const EVENTS_A_TURN = 256;

/** @param events what has happened, of the constants above */
export type PollHandler = (events: number) => void;

interface Watched {
  readonly handler: PollHandler;
  /** Tells an event of this one from that of a descriptor that had the same number before. */
  readonly serial: number;
}

export class Poller {
  readonly #epoll: number = must(epollCreate(CLOEXEC), 'epoll_create1');
  readonly #handle: LoopHandle;
  readonly #watched = new DescriptorTable<Watched>();
  readonly #events: Buffer = Buffer.alloc(EVENT_BYTES * EVENTS_A_TURN);
  readonly #event: Buffer = Buffer.alloc(EVENT_BYTES);
  #serial = 0;
  #closed = false;

  constructor() {
    this.#handle = watchReadable(this.#epoll, () => this.#turn());
  }

  /**
   * Calls the handler as long as one of the events holds.
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

  /** No handler is called any more, and no other call has an effect; without it the process would not end by itself. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#handle.close();
    closeSync(this.#epoll);
  }

  #control(operation: number, descriptor: number, events: number, serial: number): void {
    if (this.#closed) return; // and its number may be another file's by now
    this.#event.writeUInt32LE(events, 0);
    this.#event.writeInt32LE(descriptor, DATA_OFFSET);
    this.#event.writeUInt32LE(serial, DATA_OFFSET + 4);
    must(epollCtl(this.#epoll, operation, descriptor, this.#event), 'epoll_ctl');
  }

  #turn(): void {
    const count = epollWait(this.#epoll, this.#events, EVENTS_A_TURN, 0);
    for (let i = 0; i < count && !this.#closed; i++) {
      const at = i * EVENT_BYTES;
      const watched = this.#watched.get(this.#events.readInt32LE(at + DATA_OFFSET));
      // A handler may have removed the descriptor of a later event, and another one may have got its number since.
      if (watched?.serial !== this.#events.readUInt32LE(at + DATA_OFFSET + 4)) continue;
      watched.handler(this.#events.readUInt32LE(at));
    }
  }
}
