/**
 * The load on many pools, a process of its own so that it shares no processor time with whoever measures: requests go
 * round over all pools at a fixed rate, each over a connection of its own. An answer is "PID N", N being how many
 * requests that worker has had; so the workers' own counts can be held against what was sent.
 */
import { connect } from 'node:net';
import { RECORD } from '../../src/protocols/fastcgi/constants.ts';
import { RecordReader } from '../../src/protocols/fastcgi/records.ts';
import { rawRequest } from '../lib/raw-fastcgi.ts';
import type { ClientCommand, ClientResult } from './pools-load.ts';

const LOST_AFTER_MS = 20_000;
const SLICE_MS = 20;
/** At once, where every pool is asked once: a burst of all would overflow no backlog, but be all that is measured. */
const LANES = 32;

/** By pid: how many answers have come, and the highest number in one. */
const workers = new Map<string, { answers: number; highest: number }>();
const failures = new Map<string, number>();
let ports: readonly number[] = [];
let bytes = Buffer.alloc(0);
let sent = 0;
let verified = 0;
let timer: NodeJS.Timeout | undefined;
const open = new Set<Promise<void>>();

/** What is wrong with the answer; undefined when it is right. */
function judge(chunks: readonly Buffer[]): string | undefined {
  let body = '';
  let isWhole = false;
  for (const { header, content } of new RecordReader().push(Buffer.concat(chunks))) {
    if (header.type === RECORD.stdout) body += content.toString('latin1');
    if (header.type === RECORD.endRequest) isWhole = true;
  }
  if (!isWhole) return chunks.length === 0 ? 'closed without an answer' : 'an answer cut short';
  const [, pid = '', count] = /\r\n\r\n(\d+) (\d+)\n$/.exec(body) ?? [];
  if (count === undefined) return `the answer ${JSON.stringify(body.slice(0, 80))}`;
  const worker = workers.get(pid) ?? { answers: 0, highest: 0 };
  worker.answers++;
  worker.highest = Math.max(worker.highest, Number(count));
  workers.set(pid, worker);
  return undefined;
}

function askOnce(port: number): Promise<void> {
  sent++;
  return new Promise<string | undefined>(resolve => {
    const chunks: Buffer[] = [];
    const socket = connect(port, '127.0.0.1', () => void socket.write(bytes));
    socket.setTimeout(LOST_AFTER_MS, () => socket.destroy(new Error(`no answer in ${LOST_AFTER_MS} ms`)));
    socket.on('data', chunk => void chunks.push(chunk));
    socket.on('error', error => resolve((error as NodeJS.ErrnoException).code ?? error.message));
    socket.on('close', () => resolve(judge(chunks)));
  }).then(what => {
    if (what === undefined) verified++;
    else failures.set(what, (failures.get(what) ?? 0) + 1);
  });
}

/** Late timers are made up for: the rate holds on average. */
function run(perSecond: number): void {
  const sinceMs = performance.now();
  let asked = 0;
  timer = setInterval(() => {
    const due = ((performance.now() - sinceMs) / 1000) * perSecond;
    for (; asked < due; asked++) {
      const request = askOnce(ports[asked % ports.length] ?? 0);
      open.add(request);
      void request.then(() => open.delete(request));
    }
  }, SLICE_MS);
}

async function everyPoolOnce(): Promise<void> {
  const left = [...ports];
  const lane = async (): Promise<void> => {
    for (let port = left.pop(); port !== undefined; port = left.pop()) await askOnce(port);
  };
  await Promise.all(Array.from({ length: LANES }, lane));
}

function result(): ClientResult {
  const counted = [...workers.values()].reduce((sum, { highest }) => sum + highest, 0);
  return { sent, verified, counted, workers: workers.size, failures: Object.fromEntries(failures) };
}

async function obey(command: ClientCommand): Promise<void> {
  switch (command.do) {
    case 'open': {
      ports = command.ports;
      const { script } = command;
      const params = { REQUEST_METHOD: 'GET', QUERY_STRING: 'count=1', SERVER_PROTOCOL: 'HTTP/1.1' };
      bytes = Buffer.from(
        rawRequest({ params: script === null ? params : { ...params, SCRIPT_FILENAME: script } }),
      );
      break;
    }
    case 'ask':
      await everyPoolOnce();
      break;
    case 'run':
      run(command.perSecond);
      break;
    case 'pause':
      clearInterval(timer);
      await Promise.all(open);
      break;
  }
  process.send?.(result());
}

process.on('message', (command: ClientCommand) => void obey(command));
process.on('disconnect', () => process.exit());
