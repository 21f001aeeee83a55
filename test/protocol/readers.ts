/** Each reader of src/protocols as a function from chunks to plain values, with bytes as Latin-1. */
import type { CgiResponseRules } from '../../src/protocols/cgi-response/reader.ts';
import { CgiResponseReader } from '../../src/protocols/cgi-response/reader.ts';
import { FastcgiClientReader } from '../../src/protocols/fastcgi/client.ts';
import { decodePairs } from '../../src/protocols/fastcgi/pairs.ts';
import { type RecordPart, RecordReader } from '../../src/protocols/fastcgi/records.ts';
import { type FastcgiServerEvent, FastcgiServerReader } from '../../src/protocols/fastcgi/server.ts';
import type { Pair } from '../../src/protocols/pair.ts';
import { type ScgiServerEvent, ScgiServerReader } from '../../src/protocols/scgi/server.ts';

export type Read = (chunks: readonly Buffer[]) => unknown;

const latin1 = (bytes: Uint8Array): string => Buffer.from(bytes).toString('latin1');
const textPair = ([name, value]: Pair): [string, string] => [latin1(name), latin1(value)];

export const READERS: Readonly<Record<string, Read>> = {
  'fastcgi-records': readRecords,
  'fastcgi-pairs': chunks => decodePairs(Buffer.concat(chunks)).map(textPair),
  'fastcgi-client': readClient,
  'fastcgi-server': chunks => readServer(new FastcgiServerReader(), chunks),
  'cgi-response': chunks => readCgi(chunks, {}),
  'cgi-response-scgi': chunks => readCgi(chunks, { statusLine: true }),
  'cgi-response-strict': chunks => readCgi(chunks, { requireContentType: true }),
  'scgi-server': chunks => readServer(new ScgiServerReader(), chunks),
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

type ServerEvent = FastcgiServerEvent | ScgiServerEvent;

interface ServerReader {
  readonly idle: boolean;
  push(chunk: Buffer): Iterable<ServerEvent>;
}

export interface PlainEvent {
  readonly type: string;
  readonly requestId?: number;
  readonly params?: readonly (readonly [string, string])[];
  chunk?: string;
  [detail: string]: unknown;
}

export interface ServerSeen {
  readonly events: readonly PlainEvent[];
  readonly idle: boolean;
}

/** FastCGI requests whose body is over count as answered. */
export function readAnswering(protocol: 'fastcgi' | 'scgi', chunks: readonly Buffer[]): ServerSeen {
  if (protocol === 'scgi') return readServer(new ScgiServerReader(), chunks);
  const reader = new FastcgiServerReader();
  return readServer(reader, chunks, event => {
    if (event.type === 'body-end' && 'requestId' in event) reader.finish(event.requestId);
  });
}

function readServer(
  reader: ServerReader,
  chunks: readonly Buffer[],
  answer: (event: ServerEvent) => void = () => {},
): ServerSeen {
  const events: PlainEvent[] = [];
  for (const chunk of chunks) {
    for (const event of reader.push(chunk)) {
      addEvent(events, plainEvent(event));
      answer(event);
    }
  }
  return { events, idle: reader.idle };
}

/** How a body is cut follows the chunks; what it says does not. */
function addEvent(events: PlainEvent[], event: PlainEvent): void {
  const last = events.at(-1);
  const goesOn = event.type === 'body' && last?.type === 'body' && last.requestId === event.requestId;
  if (goesOn) last.chunk = `${last.chunk}${event.chunk}`;
  else events.push(event);
}

function plainEvent(event: ServerEvent): PlainEvent {
  if (event.type === 'body') return { ...event, chunk: latin1(event.chunk) };
  if (event.type === 'request') return { ...event, params: event.params.map(textPair) };
  if (event.type === 'get-values') return { ...event, names: event.names.map(latin1) };
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
