/** Each reader of src/protocols as a function from chunks to plain values, with bytes as Latin-1. */
import type { CgiResponseRules } from '../../src/protocols/cgi-response/reader.ts';
import { CgiResponseReader } from '../../src/protocols/cgi-response/reader.ts';
import { FastcgiClientReader } from '../../src/protocols/fastcgi/client.ts';
import { type Pair, PairReader } from '../../src/protocols/fastcgi/pairs.ts';
import { type RecordPart, RecordReader } from '../../src/protocols/fastcgi/records.ts';
import { type FastcgiServerEvent, FastcgiServerReader } from '../../src/protocols/fastcgi/server.ts';
import { decodeScgiHeaders } from '../../src/protocols/scgi/headers.ts';
import { NetstringReader } from '../../src/protocols/scgi/netstring.ts';

export type Read = (chunks: readonly Buffer[]) => unknown;

const latin1 = (bytes: Uint8Array): string => Buffer.from(bytes).toString('latin1');
const textPair = ([name, value]: Pair): [string, string] => [latin1(name), latin1(value)];

export const READERS: Readonly<Record<string, Read>> = {
  'fastcgi-records': readRecords,
  'fastcgi-pairs': readPairs,
  'fastcgi-client': readClient,
  'fastcgi-server': readServer,
  'cgi-response': chunks => readCgi(chunks, {}),
  'cgi-response-scgi': chunks => readCgi(chunks, { statusLine: true }),
  'cgi-response-strict': chunks => readCgi(chunks, { requireContentType: true }),
  'scgi-request': readScgi,
};

function readRecords(chunks: readonly Buffer[]): unknown {
  const reader = new RecordReader();
  const records: { type: number; requestId: number; content: string }[] = [];
  let open: RecordPart[] = [];
  for (const chunk of chunks) {
    for (const part of reader.push(chunk)) {
      open.push(part);
      if (!part.last) continue;
      const { type, requestId } = part.header;
      records.push({ type, requestId, content: open.map(({ content }) => latin1(content)).join('') });
      open = [];
    }
  }
  return records;
}

function readPairs(chunks: readonly Buffer[]): unknown {
  const reader = new PairReader();
  const pairs = chunks.flatMap(chunk => reader.push(chunk));
  reader.end();
  return pairs.map(textPair);
}

function readClient(chunks: readonly Buffer[]): unknown {
  const reader = new FastcgiClientReader();
  const seen: { stdout: string; stderr: string; end: unknown } = { stdout: '', stderr: '', end: null };
  for (const chunk of chunks) {
    for (const event of reader.push(chunk)) {
      if (event.type === 'end') seen.end = event.end;
      else seen[event.type] += latin1(event.chunk);
    }
  }
  reader.end();
  return seen;
}

interface PlainEvent {
  readonly type: string;
  chunk?: unknown;
  [detail: string]: unknown;
}

function readServer(chunks: readonly Buffer[]): unknown {
  const reader = new FastcgiServerReader();
  const seen: PlainEvent[] = [];
  for (const chunk of chunks) {
    for (const event of reader.push(chunk)) {
      const last = seen.at(-1);
      // How a body is cut follows the chunks; what it says does not.
      if (event.type === 'stdin' && last?.type === 'stdin')
        last.chunk = `${String(last.chunk)}${latin1(event.chunk)}`;
      else seen.push(plainEvent(event));
    }
  }
  return seen;
}

function plainEvent(event: FastcgiServerEvent): PlainEvent {
  if (event.type === 'stdin') return { ...event, chunk: latin1(event.chunk) };
  if (event.type === 'params') return { type: 'params', params: event.params.map(textPair) };
  if (event.type === 'get-values') return { type: 'get-values', names: event.names.map(latin1) };
  return event;
}

function readCgi(chunks: readonly Buffer[], rules: Partial<CgiResponseRules>): unknown {
  const reader = new CgiResponseReader(rules);
  let body = '';
  for (const chunk of chunks) {
    for (const event of reader.push(chunk)) if (event.type === 'body') body += latin1(event.chunk);
  }
  reader.end();
  return { ...reader.head, body };
}

/** Far more than a fixture, far less than what would be worth allocating for a hostile length. */
const MAX_SCGI_BYTES = 64 * 1024;

function readScgi(chunks: readonly Buffer[]): unknown {
  const reader = new NetstringReader(MAX_SCGI_BYTES);
  let block: Buffer | null = null;
  let rest = '';
  for (const chunk of chunks) {
    const step = reader.push(chunk);
    block ??= step.content;
    rest += latin1(step.rest);
  }
  reader.end();
  return { headers: decodeScgiHeaders(block ?? Buffer.alloc(0)).map(textPair), rest };
}
