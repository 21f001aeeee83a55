/** FastCGI record by record, for clients that do what no web server does. */
import type { Socket } from 'node:net';
import { encodeBeginRequest } from '../../src/protocols/fastcgi/bodies.ts';
import { RECORD, ROLE } from '../../src/protocols/fastcgi/constants.ts';
import { encodePairs } from '../../src/protocols/fastcgi/pairs.ts';
import { encodeRecord, encodeStream, encodeStreamEnd } from '../../src/protocols/fastcgi/records.ts';
import type { PairInput } from '../../src/protocols/pair.ts';
import { until } from './poll.ts';

export interface HeadOptions {
  readonly role?: number;
  readonly keep?: boolean;
  readonly params?: readonly PairInput[];
}

export function begin(id: number, { role = ROLE.responder, keep = false }: HeadOptions = {}): Buffer {
  return encodeRecord(RECORD.beginRequest, id, encodeBeginRequest({ role, keepConnection: keep }));
}

/** A request up to its body. */
export function head(id: number, options: HeadOptions = {}): Buffer {
  const params = encodePairs(options.params ?? [['ID', String(id)]]);
  const records = encodeStream(RECORD.params, id, params);
  return Buffer.concat([begin(id, options), ...records, encodeStreamEnd(RECORD.params, id)]);
}

export function stdin(id: number, bytes: string | Buffer): Buffer {
  return Buffer.concat(encodeStream(RECORD.stdin, id, Buffer.from(bytes as string, 'latin1')));
}

export function stdinEnd(id: number): Buffer {
  return encodeStreamEnd(RECORD.stdin, id);
}

export function abort(id: number): Buffer {
  return encodeRecord(RECORD.abortRequest, id, Buffer.alloc(0));
}

export function management(type: number, content: Uint8Array = Buffer.alloc(0)): Buffer {
  return encodeRecord(type, 0, content);
}

/** A whole request. */
export function request(id: number, body = '', options: HeadOptions = {}): Buffer {
  return Buffer.concat([head(id, options), stdin(id, body), stdinEnd(id)]);
}

export interface SeenRecord {
  readonly type: number;
  readonly requestId: number;
  readonly content: Buffer;
}

/** What a server has sent to a client up to now. */
export class Inbox {
  readonly #socket: Socket;
  readonly #chunks: Buffer[] = [];
  isEnded = false;
  isClosed = false;

  constructor(socket: Socket) {
    this.#socket = socket;
    socket.on('data', chunk => this.#chunks.push(chunk));
    socket.on('end', () => {
      this.isEnded = true;
    });
    socket.on('close', () => {
      this.isClosed = true;
    });
    socket.resume(); // one that was paused stays so otherwise
  }

  get bytes(): Buffer {
    return Buffer.concat(this.#chunks);
  }

  /** All whole records. */
  get records(): SeenRecord[] {
    const { bytes } = this;
    const records: SeenRecord[] = [];
    for (let at = 0; at + 8 <= bytes.length; ) {
      const end = at + 8 + bytes.readUInt16BE(at + 4);
      if (end > bytes.length) break;
      records.push({
        type: bytes.readUInt8(at + 1),
        requestId: bytes.readUInt16BE(at + 2),
        content: bytes.subarray(at + 8, end),
      });
      at = end + bytes.readUInt8(at + 6);
    }
    return records;
  }

  /** FCGI_STDOUT of a request, Latin-1. */
  stdout(id: number): string {
    return this.#stream(RECORD.stdout, id);
  }

  stderr(id: number): string {
    return this.#stream(RECORD.stderr, id);
  }

  /** Ends of requests, as id, protocol status and application status. */
  get ends(): [number, number, number][] {
    return this.records
      .filter(({ type }) => type === RECORD.endRequest)
      .map(({ requestId, content }) => [requestId, content.readUInt8(4), content.readUInt32BE(0)]);
  }

  /** Waits until so many requests were ended. */
  async ended(count: number): Promise<void> {
    await until(() => this.ends.length >= count, { what: `${count} ends`, explain: () => this.#explain() });
  }

  /** Waits until the server has closed its side. */
  async closed(): Promise<void> {
    await until(() => this.isEnded || this.isClosed, {
      what: 'the connection to be closed',
      explain: () => this.#explain(),
    });
    this.#socket.end();
  }

  #stream(type: number, id: number): string {
    return this.records
      .filter(record => record.type === type && record.requestId === id)
      .map(({ content }) => content.toString('latin1'))
      .join('');
  }

  #explain(): string {
    return this.records.map(it => `${it.type}/${it.requestId}: ${it.content.length} bytes`).join('\n');
  }
}
