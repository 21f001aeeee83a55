/**
 * What is fuzzed, and what must hold for whatever comes in: no exception but ProtocolError, events in an order that
 * makes sense, no more bytes out than came in, and the same events however the bytes are cut.
 */
import { crc32 } from 'node:zlib';
import { encodeHead } from '../../src/protocols/cgi-response/encode.ts';
import { CgiResponseReader } from '../../src/protocols/cgi-response/reader.ts';
import { type FastcgiServerEvent, FastcgiServerReader } from '../../src/protocols/fastcgi/server.ts';
import { ProtocolError } from '../../src/protocols/protocol-error.ts';
import { type ScgiServerEvent, ScgiServerReader } from '../../src/protocols/scgi/server.ts';

export interface Outcome {
  /** What came of the bytes in one line, the same for the same bytes. */
  readonly seen: string;
  /** The code of the ProtocolError, or null. */
  readonly refused: string | null;
}

/** @throws Violation, or what the reader has thrown that is no ProtocolError. */
export type Target = (pieces: readonly Buffer[]) => Outcome;

/** Thrown for what a reader must never do. */
export class Violation extends Error {}

function hold(condition: boolean, what: string): asserts condition {
  if (!condition) throw new Violation(what);
}

export const TARGETS: Readonly<Record<'fastcgi' | 'scgi' | 'cgi', Target>> = {
  fastcgi: pieces => outcome(new FastcgiWitness(), pieces),
  scgi: pieces => outcome(new ScgiWitness(), pieces),
  cgi: pieces => outcome(new CgiWitness(), pieces),
};

interface Witness {
  push(piece: Buffer): void;
  /** The connection was closed; what has been seen in one line. */
  end(): string;
}

function outcome(witness: Witness, pieces: readonly Buffer[]): Outcome {
  try {
    for (const piece of pieces) witness.push(piece);
    return { seen: witness.end(), refused: null };
  } catch (error) {
    if (!(error instanceof ProtocolError)) throw error;
    return { seen: `${witness.end()} ${error.message}`, refused: error.code };
  }
}

/** What is seen of a body: how long it is, and what is in it. */
class Bodies {
  bytes = 0;
  #sum = 0;

  add(chunk: Buffer): void {
    hold(chunk.length > 0, 'an empty piece of a body');
    this.bytes += chunk.length;
    this.#sum = crc32(chunk, this.#sum);
  }

  toString(): string {
    return `${this.bytes} bytes ${this.#sum}`;
  }
}

const sumOf = (params: readonly (readonly [Buffer, Buffer])[]): string =>
  `${params.length} ${params.reduce((sum, [name, value]) => crc32(value, crc32(name, sum)), 0)}`;

type Phase = 'body' | 'ended' | 'aborted';

/** Of the ids by three: which are answered as soon as they are so far. */
const ANSWERED_IDS: Readonly<Record<Phase, number>> = { body: 2, ended: 1, aborted: 0 };

class FastcgiWitness implements Witness {
  readonly #reader = new FastcgiServerReader({
    maxRequests: 3,
    maxParamsBytes: 16_384,
    maxOpenParamsBytes: 40_000,
  });
  readonly #phases = new Map<number, Phase>();
  readonly #bodies = new Map<number, Bodies>();
  readonly #seen: string[] = [];
  #bytesIn = 0;
  #bytesOut = 0;

  push(piece: Buffer): void {
    this.#bytesIn += piece.length;
    for (const event of this.#reader.push(piece)) {
      this.#check(event);
      hold(this.#bytesOut <= this.#bytesIn, 'more came out than went in');
    }
    hold(this.#phases.size <= 3, 'more requests than maxRequests');
    hold(this.#phases.size === 0 || !this.#reader.idle, 'idle with an open request');
  }

  end(): string {
    const bodies = [...this.#bodies].map(([id, body]) => `${id}: ${String(body)}`);
    return [...this.#seen, ...bodies].join(', ');
  }

  #check(event: FastcgiServerEvent): void {
    switch (event.type) {
      case 'request':
        hold(!this.#phases.has(event.requestId), 'a request while it is open');
        for (const [name, value] of event.params) this.#bytesOut += name.length + value.length;
        this.#note(event, 'body', sumOf(event.params));
        break;
      case 'body':
        hold(this.#phases.get(event.requestId) === 'body', 'a body that is not due');
        this.#bytesOut += event.chunk.length;
        this.#body(event.requestId).add(event.chunk);
        break;
      case 'body-end':
        hold(this.#phases.get(event.requestId) === 'body', 'the end of a body that is not due');
        this.#note(event, 'ended', String(this.#body(event.requestId)));
        break;
      case 'abort':
        hold(this.#phases.get(event.requestId) !== 'aborted', 'two aborts of one request');
        this.#note(event, 'aborted', '');
        break;
      case 'refused':
        hold(!this.#phases.has(event.requestId), 'a request is refused that is open');
        this.#seen.push(`refused ${event.requestId} ${event.protocolStatus}`);
        break;
      case 'get-values':
        for (const name of event.names) this.#bytesOut += name.length;
        this.#seen.push(`values ${event.names.length}`);
        break;
      case 'unknown-type':
        this.#seen.push(`unknown ${event.recordType}`);
        break;
    }
  }

  #body(requestId: number): Bodies {
    const body = this.#bodies.get(requestId) ?? new Bodies();
    this.#bodies.set(requestId, body);
    return body;
  }

  /** Some requests are answered at once, some after their body, some never. */
  #note({ type, requestId }: { type: string; requestId: number }, phase: Phase, said: string): void {
    this.#seen.push(`${type} ${requestId} ${said}`);
    this.#phases.set(requestId, phase);
    if (ANSWERED_IDS[phase] !== requestId % 3) return;
    this.#phases.delete(requestId);
    this.#bodies.delete(requestId);
    this.#reader.finish(requestId);
  }
}

class ScgiWitness implements Witness {
  readonly #reader = new ScgiServerReader(16_384);
  readonly #body = new Bodies();
  #expectedBytes: number | null = null;
  #hasEnded = false;
  #seen = '';

  push(piece: Buffer): void {
    for (const event of this.#reader.push(piece)) this.#check(event);
    hold(this.#expectedBytes === null || this.#reader.idle === this.#hasEnded, 'idle within a request');
  }

  end(): string {
    return `${this.#seen} ${String(this.#body)}${this.#hasEnded ? ' end' : ''}`;
  }

  #check(event: ScgiServerEvent): void {
    hold(!this.#hasEnded, 'something after the end of the body');
    if (event.type === 'request') {
      hold(this.#expectedBytes === null, 'two requests');
      this.#expectedBytes = event.contentLengthBytes;
      this.#seen = sumOf(event.params);
      return;
    }
    hold(this.#expectedBytes !== null, 'a body before its request');
    if (event.type === 'body') this.#body.add(event.chunk);
    else this.#hasEnded = true;
    const isComplete = this.#body.bytes === this.#expectedBytes;
    hold(this.#body.bytes <= this.#expectedBytes, 'more body than CONTENT_LENGTH');
    hold(!this.#hasEnded || isComplete, 'the end of a body that is not complete');
  }
}

class CgiWitness implements Witness {
  readonly #reader = new CgiResponseReader({ maxHeadBytes: 4096, maxLines: 40 });
  readonly #body = new Bodies();
  #bytesIn = 0;
  #hasHead = false;

  push(piece: Buffer): void {
    this.#bytesIn += piece.length;
    for (const event of this.#reader.push(piece)) {
      hold((event.type === 'head') !== this.#hasHead, 'the head is not what comes first and once');
      if (event.type === 'head') this.#hasHead = true;
      else this.#body.add(event.chunk);
    }
  }

  end(): string {
    const { head } = this.#reader;
    hold((head !== null) === this.#hasHead, 'a head that was not said');
    if (head === null) return 'no head';
    hold(this.#body.bytes < this.#bytesIn, 'a body without a head');
    const again = new CgiResponseReader();
    again.push(encodeHead(head));
    hold(JSON.stringify(again.head) === JSON.stringify(head), 'the head said again is another one');
    return `${JSON.stringify(head)} ${String(this.#body)}`;
  }
}
