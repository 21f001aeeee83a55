/**
 * Splits a CGI response into its head and the bytes of its body, whatever the pieces in which it arrives.
 * Lines end with LF or CRLF (RFC 3875, section 6.3). Every byte of the head is searched and copied once; the
 * body is handed on as it comes.
 */
import { ByteBuilder } from '../byte-builder.ts';
import type { Pair } from '../pair.ts';
import { ProtocolError } from '../protocol-error.ts';
import { parseField } from './field.ts';
import type { ResponseHead, StatusLine } from './head.ts';
import { buildHead, parseStatusLine } from './head.ts';

export interface CgiResponseLimits {
  /** The head with its line ends. nginx allows one buffer, of 4 or 8 KiB. */
  readonly maxHeadBytes: number;
  readonly maxLines: number;
}

export interface CgiResponseRules extends CgiResponseLimits {
  /** Take an HTTP status line in the first line: SCGI programs send it, and nginx takes it from them. */
  readonly statusLine: boolean;
  /**
   * Refuse a body without Content-Type, as RFC 3875, section 6.3.1, has it. Off by default: nginx and
   * lighttpd let it pass, and programs rely on that.
   */
  readonly requireContentType: boolean;
}

export const DEFAULT_CGI_RULES: CgiResponseRules = {
  maxHeadBytes: 64 * 1024,
  maxLines: 256,
  statusLine: false,
  requireContentType: false,
};

export type CgiResponseEvent =
  | { readonly type: 'head'; readonly head: ResponseHead }
  | { readonly type: 'body'; readonly chunk: Buffer };

const LF = 0x0a;

export class CgiResponseReader {
  readonly #rules: CgiResponseRules;
  readonly #line = new ByteBuilder();
  readonly #fields: Pair<string>[] = [];
  #statusLine: StatusLine | null = null;
  #headBytes = 0;
  #head: ResponseHead | null = null;

  constructor(rules: Partial<CgiResponseRules> = {}) {
    this.#rules = { ...DEFAULT_CGI_RULES, ...rules };
  }

  /** The head, once it is complete. */
  get head(): ResponseHead | null {
    return this.#head;
  }

  /** @throws ProtocolError with a code that begins with CGI_; the reader is of no use afterwards. */
  push(chunk: Buffer): CgiResponseEvent[] {
    const events: CgiResponseEvent[] = [];
    let at = 0;
    while (at < chunk.length) {
      if (this.#head !== null) {
        this.#checkBody(this.#head);
        events.push({ type: 'body', chunk: chunk.subarray(at) });
        break;
      }
      const lineEnd = chunk.indexOf(LF, at);
      const next = lineEnd < 0 ? chunk.length : lineEnd + 1;
      this.#takeHeadBytes(chunk.subarray(at, next));
      at = next;
      if (lineEnd >= 0) this.#takeLine();
      if (this.#head !== null) events.push({ type: 'head', head: this.#head });
    }
    return events;
  }

  /** The program has said all. @throws ProtocolError CGI_TRUNCATED when not even the head is complete. */
  end(): void {
    if (this.#head !== null) return;
    throw new ProtocolError(
      'CGI_TRUNCATED',
      this.#headBytes === 0 ? 'the answer is empty' : 'the answer ends within its headers',
    );
  }

  #takeHeadBytes(piece: Buffer): void {
    this.#headBytes += piece.length;
    if (this.#headBytes > this.#rules.maxHeadBytes) {
      throw new ProtocolError('CGI_TOO_LONG', `the headers exceed ${this.#rules.maxHeadBytes} bytes`);
    }
    this.#line.add(piece);
  }

  #takeLine(): void {
    const text = this.#line.take().toString('latin1');
    const line = text.slice(0, text.endsWith('\r\n') ? -2 : -1);
    if (line === '') {
      this.#head = buildHead(this.#fields, this.#statusLine);
      return;
    }
    const isFirst = this.#fields.length === 0 && this.#statusLine === null;
    if (isFirst && line.startsWith('HTTP/')) {
      this.#takeStatusLine(line);
      return;
    }
    if (this.#fields.length >= this.#rules.maxLines) {
      throw new ProtocolError('CGI_TOO_LONG', `more than ${this.#rules.maxLines} header lines`);
    }
    this.#fields.push(parseField(line));
  }

  #takeStatusLine(line: string): void {
    if (!this.#rules.statusLine) {
      throw new ProtocolError(
        'CGI_NPH',
        'the answer begins with an HTTP status line: that of a non-parsed-header script, not of CGI',
      );
    }
    this.#statusLine = parseStatusLine(line);
  }

  #checkBody(head: ResponseHead): void {
    if (this.#rules.requireContentType && head.contentType === null) {
      throw new ProtocolError('CGI_CONTENT_TYPE', 'a body without Content-Type');
    }
  }
}
