/**
 * One FastCGI connection of a small responder that answers a request once its body is over. Requests may
 * follow each other on the connection (FCGI_KEEP_CONN), and may be sent before the answer; two at a time are
 * refused, as php-cgi and libfcgi do.
 */
import type { Socket } from 'node:net';
import { PROTOCOL_STATUS } from '../protocols/fastcgi/constants.ts';
import type { Pair } from '../protocols/fastcgi/pairs.ts';
import {
  encodeEnd,
  encodeStdout,
  encodeUnknown,
  encodeValuesResult,
  type FastcgiServerEvent,
  FastcgiServerReader,
} from '../protocols/fastcgi/server.ts';
import { ProtocolError } from '../protocols/protocol-error.ts';

export interface ResponderRequest {
  /** Names to values; values as UTF-8, where they are that. */
  readonly params: ReadonlyMap<string, string>;
  readonly bodyBytes: number;
}

/** Gives a whole CGI response. */
export type Respond = (request: ResponderRequest) => Buffer;

interface Current {
  readonly requestId: number;
  readonly keepConnection: boolean;
  readonly params: ReadonlyMap<string, string>;
  bodyBytes: number;
}

export class FastcgiConnection {
  readonly #socket: Socket;
  readonly #respond: Respond;
  readonly #reader = new FastcgiServerReader({ maxRequests: 1 });
  #current: Current | null = null;
  #answered = 0;
  #isStopping = false;

  constructor(socket: Socket, respond: Respond) {
    this.#socket = socket;
    this.#respond = respond;
    socket.on('data', chunk => this.#receive(chunk));
    socket.on('drain', () => socket.resume());
    // The web server went away; there is nobody to tell.
    socket.on('error', () => socket.destroy());
  }

  /**
   * Ends the connection as soon as nothing is lost by it. One that has not brought a request yet was accepted
   * for the sake of one, which may be on its way: that one is still answered.
   */
  stop(): void {
    this.#isStopping = true;
    if (this.#reader.idle && this.#answered > 0) this.#socket.destroySoon();
  }

  #receive(chunk: Buffer): void {
    try {
      for (const event of this.#reader.push(chunk)) {
        // What follows the last answer is not read any more.
        if (this.#socket.writableEnded) return;
        this.#handle(event);
      }
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      this.#socket.destroy();
    }
    // Answers pile up when the other side sends requests and reads nothing.
    if (this.#socket.writableNeedDrain) this.#socket.pause();
  }

  #handle(event: FastcgiServerEvent): void {
    switch (event.type) {
      case 'request':
        this.#current = { ...event, params: decodeParams(event.params), bodyBytes: 0 };
        break;
      case 'refused':
        this.#end(event, [], 0, event.protocolStatus);
        break;
      case 'body':
        if (this.#current !== null) this.#current.bodyBytes += event.chunk.length;
        break;
      case 'body-end':
        this.#answer();
        break;
      case 'abort':
        this.#end(event, [], 1);
        break;
      case 'get-values':
        this.#socket.write(encodeValuesResult(valuesOf(event.names)));
        break;
      case 'unknown-type':
        this.#socket.write(encodeUnknown(event.recordType));
        break;
    }
  }

  #answer(): void {
    if (this.#current === null) return;
    const { requestId, params, bodyBytes } = this.#current;
    this.#end(this.#current, encodeStdout(requestId, this.#respond({ params, bodyBytes })), 0);
  }

  #end(
    { requestId, keepConnection }: Pick<Current, 'requestId' | 'keepConnection'>,
    records: readonly Buffer[],
    appStatus: number,
    protocolStatus: number = PROTOCOL_STATUS.requestComplete,
  ): void {
    if (this.#current?.requestId === requestId) this.#current = null;
    this.#reader.finish(requestId);
    for (const record of records) this.#socket.write(record);
    this.#socket.write(encodeEnd(requestId, { appStatus, protocolStatus }));
    if (protocolStatus === PROTOCOL_STATUS.cantMultiplex) return;
    this.#answered += 1;
    if (!keepConnection || this.#isStopping) this.#socket.destroySoon();
  }
}

function decodeParams(pairs: readonly Pair[]): ReadonlyMap<string, string> {
  return new Map(pairs.map(([name, value]) => [name.toString('utf8'), value.toString('utf8')]));
}

/** Specification 1.0, section 4.1; names that are not known are left out. */
function valuesOf(names: readonly Buffer[]): [string, string][] {
  const known = new Map([['FCGI_MPXS_CONNS', '0']]);
  return names.flatMap(name => {
    const value = known.get(name.toString('latin1'));
    return value === undefined ? [] : [[name.toString('latin1'), value]];
  });
}
