/**
 * The body of a request on its way to a script's stdin: exactly CONTENT_LENGTH bytes (RFC 3875, section 4.2), or until
 * the client ends it where no length was said. What the script does not take is kept, and the client made to wait.
 */
import { closeSync } from 'node:fs';
import { constants } from 'node:os';
import { enlargePipe, PIPE_BYTES, writeSome } from '../../../os/pipe.ts';
import { type Poller, WRITABLE } from '../../../os/poller.ts';
import type { Exchange } from '../../../protocols/incoming-exchange.ts';
import { ByteQueue } from '../../../server/byte-queue.ts';

/** A user may have 64 MiB in pipes before new ones are made small (/proc/sys/fs/pipe-user-pages-soft): half of it. */
const MOST_LARGE_PIPES = 32;
let largePipes = 0;

export class ScriptInput {
  readonly #poller: Poller;
  readonly #exchange: Pick<Exchange, 'pauseBody' | 'resumeBody'>;
  /** Bytes that are still to come from the client; Infinity where it has not said. */
  #missingBytes: number;
  /** What the script is still to take; the client is paused meanwhile, so it is not much. */
  readonly #waiting = new ByteQueue();
  /** The pipe to the script: not yet, its number, or not any more. */
  #pipe: number | 'before' | 'after' = 'before';
  #isLarge = false;
  #isPolled = false;
  #isPaused = false;

  /** @param lengthBytes of the body; null: until it ends */
  constructor(
    poller: Poller,
    exchange: Pick<Exchange, 'pauseBody' | 'resumeBody'>,
    lengthBytes: number | null,
  ) {
    this.#poller = poller;
    this.#exchange = exchange;
    this.#missingBytes = lengthBytes ?? Number.POSITIVE_INFINITY;
  }

  /** Whether there is nothing for the script to read, now and later. */
  get isEmpty(): boolean {
    return this.#missingBytes === 0 && this.#waiting.length === 0;
  }

  /** Whether the client has sent as much as it said. */
  get hasArrived(): boolean {
    return this.#missingBytes === 0;
  }

  /** A piece from the client, overwritten after the call; what is more than was said is dropped. */
  push(chunk: Buffer): void {
    const piece = chunk.length > this.#missingBytes ? chunk.subarray(0, this.#missingBytes) : chunk;
    this.#missingBytes -= piece.length;
    if (piece.length === 0 || this.#pipe === 'after') return;
    const isFirst = this.#waiting.length === 0;
    const taken = isFirst && typeof this.#pipe === 'number' ? this.#write(this.#pipe, piece) : 0;
    if (taken < piece.length) this.#waiting.add(piece.subarray(taken));
    this.#settle();
  }

  /** The client has sent all. @returns false when that is less than it said */
  end(): boolean {
    const isWhole = this.#missingBytes === 0 || this.#missingBytes === Number.POSITIVE_INFINITY;
    this.#missingBytes = 0;
    this.#settle();
    return isWhole;
  }

  /** The script will read here; what has come so far is written at once. @param pipe which is closed with the body's end */
  attach(pipe: number): void {
    this.#pipe = pipe;
    if (this.#missingBytes > PIPE_BYTES && largePipes < MOST_LARGE_PIPES) {
      this.#isLarge = true;
      largePipes++;
      enlargePipe(pipe);
    }
    this.#flush(pipe);
  }

  /** The script reads no more: what is still to come is dropped. */
  close(): void {
    if (typeof this.#pipe === 'number') {
      if (this.#isPolled) this.#poller.remove(this.#pipe);
      closeSync(this.#pipe);
    }
    this.#pipe = 'after';
    if (this.#isLarge) largePipes--;
    this.#isLarge = false;
    this.#waiting.clear();
    this.#settle();
  }

  #flush(pipe: number): void {
    if (this.#waiting.length > 0) this.#waiting.take(this.#write(pipe, this.#waiting.bytes));
    this.#settle();
  }

  /** @returns how many bytes are done with; all of them when nobody reads, which is no error: a script need not read */
  #write(pipe: number, piece: Buffer): number {
    const count = writeSome(pipe, piece);
    if (count >= 0) return count;
    if (count === -constants.errno.EAGAIN) return 0;
    this.close();
    return piece.length;
  }

  /** What follows from how much waits. */
  #settle(): void {
    const isBehind = this.#waiting.length > 0;
    if (isBehind !== this.#isPaused) {
      this.#isPaused = isBehind;
      if (isBehind) this.#exchange.pauseBody();
      else this.#exchange.resumeBody();
    }
    if (typeof this.#pipe !== 'number') return;
    if (this.isEmpty) this.close();
    else this.#poll(this.#pipe, isBehind);
  }

  #poll(pipe: number, wanted: boolean): void {
    if (wanted === this.#isPolled) return;
    this.#isPolled = wanted;
    if (wanted) this.#poller.add(pipe, () => this.#flush(pipe), WRITABLE);
    else this.#poller.remove(pipe);
  }
}
