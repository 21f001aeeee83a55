/** Reads what children write: each pipe as lines, each line as a log record. */
import { closeSync, fstatSync, readSync } from 'node:fs';
import type { Poller } from '../../os/poller.ts';
import type { SavedPipe } from '../handover/state.ts';
import { LineSplitter, type OutputLine, type UnfinishedLine } from './lines.ts';
import type { Logs } from './logs.ts';

/** A pipe that is read. */
export interface FollowedPipe {
  /** null: it is at its end. */
  readonly saved: SavedPipe | null;
  /** Its worker is gone. Processes that the worker left behind may hold it open. */
  workerGone(): void;
}

/** Where a record comes from. */
export interface Origin {
  readonly pool: string;
  readonly pid: number;
  readonly stream: 'stdout' | 'stderr';
}

const INFO = 30;
const WARN = 40;
const ERROR = 50;
/**
 * A pool's user chooses how many processes keep the pipes of workers that are gone, and each pipe is a descriptor of
 * the keeper's. Above this many in a pool the oldest is closed.
 */
const LEFT_PIPES_MAX = 256;
/** As much as a pipe holds, so that one read empties it. */
const CHUNK_BYTES = 256 * 1024;

export class OutputReaders {
  readonly #poller: Poller;
  readonly #logs: Pick<Logs, 'sinks' | 'ofPools'>;
  /** Of each pool: how to close the pipes whose workers are gone, oldest first. */
  readonly #left = new Map<string, Set<() => void>>();
  /** Pools of which a pipe was closed, for one line each. */
  readonly #saidLeft = new Set<string>();
  /** One for all: a line that is complete is decoded at once, the rest is copied. */
  readonly #chunk: Buffer = Buffer.allocUnsafeSlow(CHUNK_BYTES);

  /** @param logs as they are open now: they change once, when the configuration is known */
  constructor(poller: Poller, logs: Pick<Logs, 'sinks' | 'ofPools'>) {
    this.#poller = poller;
    this.#logs = logs;
  }

  /**
   * Turns a worker's output into records until the last holder of the pipe has closed it.
   * @param unfinished what has been read of a line already
   */
  follow(
    descriptor: number,
    origin: Origin,
    file: string | null,
    unfinished: UnfinishedLine | null = null,
  ): FollowedPipe {
    const { ofPools } = this.#logs;
    if (file !== null) ofPools.enter(file, origin.pool);
    const deliver = (lines: OutputLine[]): void => {
      const sink = file === null ? this.#logs.sinks.main : ofPools.sink(file);
      for (const { text, ...part } of lines) {
        sink.write({ level: INFO, time: Date.now(), ...origin, ...part, msg: text });
      }
    };
    const { saved, close } = this.#read(descriptor, new LineSplitter(unfinished), deliver, () => {
      if (file !== null) ofPools.leave(file, origin.pool);
      this.#forgetLeft(origin.pool, close);
    });
    return {
      get saved() {
        return saved();
      },
      workerGone: () => {
        if (saved() !== null) this.#keepLeft(origin.pool, close);
      },
    };
  }

  #keepLeft(pool: string, close: () => void): void {
    const left = this.#left.get(pool) ?? new Set();
    this.#left.set(pool, left.add(close));
    const [oldest] = left;
    if (left.size <= LEFT_PIPES_MAX || oldest === undefined) return;
    oldest();
    if (this.#saidLeft.has(pool)) return;
    this.#saidLeft.add(pool);
    const msg =
      `pool ${pool}: processes that its workers left behind hold more than ${LEFT_PIPES_MAX} output pipes open; ` +
      'the output of the oldest is no longer read. Stop these processes; rlimit_nproc limits how many there can be';
    this.#logs.sinks.main.write({ level: WARN, time: Date.now(), pool, msg });
  }

  #forgetLeft(pool: string, close: () => void): void {
    const left = this.#left.get(pool);
    if (left?.delete(close) === true && left.size === 0) this.#left.delete(pool);
  }

  /** How many pipes of supervisors are not at their end. */
  supervisorPipes = 0;

  /** The supervisor writes finished records; anything else that it prints (a crash of Node's) becomes one. */
  followSupervisor(descriptor: number, pid: number): void {
    this.supervisorPipes++;
    const deliver = (lines: OutputLine[]): void => {
      const { main } = this.#logs.sinks;
      for (const { text, ...part } of lines) {
        if (text.startsWith('{"level":') && part.part === undefined) main.writeRaw(text);
        else main.write({ level: ERROR, time: Date.now(), process: 'supervisor', pid, ...part, msg: text });
      }
    };
    this.#read(descriptor, new LineSplitter(), deliver, () => this.supervisorPipes--);
  }

  #read(
    descriptor: number,
    splitter: LineSplitter,
    deliver: (lines: OutputLine[]) => void,
    ended: () => void = () => {},
  ): { readonly saved: () => SavedPipe | null; readonly close: () => void } {
    let isOpen = true;
    let inode: number | null = null;
    const close = (): void => {
      deliver(splitter.end());
      this.#poller.remove(descriptor);
      closeSync(descriptor);
      isOpen = false;
      ended();
    };
    this.#poller.add(descriptor, () => {
      const count = readAvailable(descriptor, this.#chunk);
      if (count === null) return;
      if (count > 0) deliver(splitter.push(this.#chunk.subarray(0, count)));
      else close();
    });
    const saved = (): SavedPipe | null => {
      if (!isOpen) return null;
      inode ??= fstatSync(descriptor).ino;
      return { descriptor, inode, unfinished: splitter.unfinished };
    };
    return { saved, close };
  }
}

/** @returns the bytes read, 0 at the end, null when there is nothing yet */
export function readAvailable(descriptor: number, chunk: Buffer): number | null {
  try {
    return readSync(descriptor, chunk);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EAGAIN') return null;
    return 0;
  }
}
