/**
 * The state of one request in flight: connection, source and answer, and the rule that whatever ends first
 * ends all of it, exactly once.
 */
import { Readable } from 'node:stream';
import type { AnswerEnd, AnswerEvent, ClientCodec } from '../protocols/client-codec.ts';
import { ProtocolError } from '../protocols/protocol-error.ts';
import { ClientError, errnoOf } from './client-error.ts';
import { Deferred } from './deferred.ts';
import type { PoolSocket } from './pool-socket.ts';
import { connectTo } from './pool-socket.ts';
import { describeAddress } from './pool-target.ts';
import { BodySink, bodySource } from './request-body.ts';
import type { Answer, RequestOptions } from './request-types.ts';

export class RequestInFlight {
  readonly #options: RequestOptions;
  readonly #codec: ClientCodec;
  readonly #bodyBytes: number | null;
  readonly #source: Readable;
  readonly #socket: PoolSocket;
  readonly #sink: BodySink;
  readonly #body: Readable;
  readonly #answer = new Deferred<Answer>();
  readonly #end = new Deferred<AnswerEnd | null>();
  #isConnected = false;
  #isOver = false;

  /** @param bodyBytes how long the body has to be; null is not known. */
  constructor(options: RequestOptions, codec: ClientCodec, bodyBytes: number | null) {
    this.#options = options;
    this.#codec = codec;
    this.#bodyBytes = bodyBytes;
    this.#source = bodySource(options.body);
    this.#socket = connectTo(options.address);
    this.#sink = new BodySink(this.#socket, codec);
    this.#body = new Readable({
      read: () => void this.#socket.resume(),
      destroy: (error, done) => {
        this.#fail(new ClientError('ABORTED', 'nobody reads the answer any more'));
        done(error);
      },
    });
    // Whoever only reads the body learns of a failure there, also when it came before the first read.
    this.#end.promise.catch(() => {});
    this.#body.on('error', () => {});
    this.#watch();
  }

  get answer(): Promise<Answer> {
    return this.#answer.promise;
  }

  #watch(): void {
    this.#socket.once('connect', () => this.#send());
    this.#socket.on('data', chunk => this.#receive(chunk));
    this.#socket.once('end', () => this.#closed());
    this.#socket.on('error', error => this.#broken(error));
    this.#socket.setTimeout(this.#options.timeoutMs, () => this.#idle());
    this.#options.signal?.addEventListener('abort', this.#abort, { once: true });
    this.#source.once('end', this.#sourceEnded);
    this.#source.once('error', this.#sourceFailed);
    this.#source.once('close', this.#sourceFailed);
    if (this.#source.destroyed) this.#sourceFailed();
  }

  readonly #abort = (): void => this.#fail(new ClientError('ABORTED', 'the request was given up'));

  #send(): void {
    this.#isConnected = true;
    this.#socket.write(this.#codec.head);
    this.#options.onConnect?.();
    this.#source.pipe(this.#sink);
  }

  readonly #sourceEnded = (): void => {
    this.#source.off('close', this.#sourceFailed);
    const expected = this.#bodyBytes;
    // The last chunk may still wait in the sink: 'finish' is when all was taken.
    this.#sink.once('finish', () => {
      const taken = this.#sink.takenBytes;
      if (expected === null || expected === taken) return;
      this.#fail(
        new ClientError('SOURCE', `the body has ${taken} bytes, and CONTENT_LENGTH says ${expected}`),
      );
    });
  };

  readonly #sourceFailed = (error?: Error): void => {
    this.#fail(new ClientError('SOURCE', `the request's body broke off${error ? `: ${error.message}` : ''}`));
  };

  #receive(chunk: Buffer): void {
    try {
      for (const event of this.#codec.push(chunk)) {
        this.#handle(event);
        if (this.#isOver) return;
      }
    } catch (error) {
      this.#refuse(error);
    }
  }

  #handle(event: AnswerEvent): void {
    switch (event.type) {
      case 'head':
        this.#answer.resolve({ head: event.head, body: this.#body, end: this.#end.promise });
        break;
      case 'body':
        if (!this.#body.push(event.chunk)) this.#socket.pause();
        break;
      case 'stderr':
        this.#options.onStderr?.(event.chunk);
        break;
      case 'end':
        this.#endRequest(event.end);
        break;
      case 'refused':
        this.#fail(new ClientError(event.isOverload ? 'OVERLOADED' : 'REFUSED', event.reason));
        break;
    }
  }

  #endRequest(end: AnswerEnd): void {
    this.#codec.close();
    this.#finish(end);
  }

  /** The program closed the connection: SCGI's end, FastCGI's failure. */
  #closed(): void {
    if (this.#isOver) return;
    try {
      this.#codec.close();
      this.#finish(null);
    } catch (error) {
      this.#refuse(error);
    }
  }

  #broken(error: Error): void {
    if (this.#isOver) return;
    const where = describeAddress(this.#options.address);
    if (!this.#isConnected) {
      this.#fail(new ClientError('CONNECT', `cannot connect to ${where}: ${error.message}`, errnoOf(error)));
    } else if (this.#codec.isWhole()) {
      // Closed with some of the request unread, which the kernel reports as a reset; the answer is complete.
      this.#finish(null);
    } else {
      this.#fail(new ClientError('CLOSED', `the connection broke: ${error.message}`, errnoOf(error)));
    }
  }

  #idle(): void {
    const waitsForOthers = this.#isConnected && (this.#socket.isPaused() || this.#sink.waitsForSource);
    if (waitsForOthers) this.#socket.setTimeout(this.#options.timeoutMs);
    else
      this.#fail(new ClientError('TIMEOUT', `nothing moved for ${this.#options.timeoutMs / 1000} seconds`));
  }

  #refuse(error: unknown): void {
    if (!(error instanceof ProtocolError)) throw error;
    // Torn is torn, whichever reader noticed; what is wrong in itself is another matter.
    this.#fail(new ClientError(error.code.endsWith('_TRUNCATED') ? 'CLOSED' : 'PROTOCOL', error.message));
  }

  #finish(end: AnswerEnd | null): void {
    if (!this.#over()) return;
    this.#body.push(null);
    this.#end.resolve(end);
  }

  #fail(error: ClientError): void {
    if (!this.#over()) return;
    this.#answer.reject(error);
    this.#end.reject(error);
    // An answer that was never handed out has nobody who listens for its errors.
    this.#body.destroy(this.#answer.state === 'resolved' ? error : undefined);
  }

  #over(): boolean {
    if (this.#isOver) return false;
    this.#isOver = true;
    this.#options.signal?.removeEventListener('abort', this.#abort);
    this.#source.off('end', this.#sourceEnded);
    this.#source.off('error', this.#sourceFailed);
    this.#source.off('close', this.#sourceFailed);
    this.#source.unpipe(this.#sink);
    this.#sink.destroy();
    this.#socket.destroy();
    return true;
  }
}
