/**
 * Broken captures against a responder that lives: whatever is sent, the connection ends, the process stays, holds no
 * descriptor more, answers the next good request, and has said one line at most for each connection.
 */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { setTimeout as delay } from 'node:timers/promises';
import { sendRequest } from '../../src/client/send-request.ts';
import { REPOSITORY } from '../lib/paths.ts';
import type { Place } from '../lib/place.ts';
import { until } from '../lib/poll.ts';
import { openDescriptors } from '../lib/processes.ts';
import { type Program, startProgram } from '../unit/client/programs.ts';
import { makeInput } from './inputs.ts';
import { createRandom, pick } from './random.ts';

export type Protocol = 'fastcgi' | 'scgi';

/** Checked after so many connections, which are open at once. */
const BATCH = 16;
/** From when our side is over until theirs is. */
const MUST_END_MS = 20_000;

export interface LiveRun {
  readonly seed: number;
  readonly first: number;
  readonly inputs: number;
}

export interface LiveReport {
  readonly lines: number;
  readonly peakBytes: number;
}

/** @throws AssertionError, which names the inputs of the batch after which something did not hold. */
export async function fuzzLive(place: Place, protocol: Protocol, run: LiveRun): Promise<LiveReport> {
  const responder = await startResponder(place, protocol);
  await assertServes(responder, protocol);
  const descriptors = openDescriptors(responder.pid);
  for (let first = run.first; first < run.first + run.inputs; first += BATCH) {
    const end = Math.min(first + BATCH, run.first + run.inputs);
    const indexes = Array.from({ length: end - first }, (_, index) => first + index);
    try {
      await Promise.all(indexes.map(index => sendBroken(responder.path, protocol, run.seed, index)));
      await assertServes(responder, protocol);
      await assertHoldsNoMore(responder, descriptors);
      assertQuiet(responder, end - run.first);
    } catch (error) {
      const which = `${protocol}, seed ${run.seed}, inputs ${first} to ${end - 1}`;
      throw new Error(`${which}: ${String(error)}\n${responder.stderr().slice(-2000)}`, { cause: error });
    }
  }
  const peakBytes = peakOf(responder.pid);
  assert.equal(await responder.terminate(), 0);
  return { lines: linesOf(responder).length, peakBytes };
}

let started = 0;

/** A program with the library, in a process of its own. */
export function startResponder(place: Place, protocol: Protocol): Promise<Program> {
  const program = join(REPOSITORY, 'test/fuzz/responder.mjs');
  return startProgram(place, `live-${started++}`, [process.execPath, program, protocol], REPOSITORY);
}

/** Half of the clients say that they are done and wait, the others are gone at once or with what they have sent. */
async function sendBroken(path: string, protocol: Protocol, seed: number, index: number): Promise<void> {
  const leave = pick(createRandom(Math.imul(seed, 31) + index), LEAVING);
  const { pieces } = makeInput(seed, index, protocol);
  assert.ok(await sendAndLeave(path, pieces, leave), `input ${index}: the connection does not end`);
}

type Leave = (socket: Socket) => unknown;

const LEAVING: readonly Leave[] = [
  socket => socket.end(),
  socket => socket.end(),
  socket => socket.destroySoon(),
  socket => socket.destroy(),
];

/** False when the other side does not end the connection after ours has. */
export async function sendAndLeave(path: string, pieces: readonly Buffer[], leave: Leave): Promise<boolean> {
  const socket = connect({ path, allowHalfOpen: true });
  const closed = new Promise<void>(resolve => socket.once('close', () => resolve()));
  socket.on('error', () => {});
  socket.resume();
  for (const piece of pieces) socket.write(piece);
  leave(socket);
  const late = new AbortController();
  const isOver = await Promise.race([
    closed.then(() => true),
    delay(MUST_END_MS, false, { signal: late.signal }).catch(() => true),
  ]);
  late.abort();
  socket.destroy();
  return isOver;
}

export async function assertServes({ path }: Program, protocol: Protocol): Promise<void> {
  const answer = await sendRequest({
    address: { type: 'unix', path },
    protocol,
    params: [
      ['REQUEST_METHOD', 'POST'],
      ['REQUEST_URI', '/'],
      ['HTTP_HOST', 'example.org'],
      ['SERVER_PROTOCOL', 'HTTP/1.1'],
      ['CONTENT_LENGTH', '5'],
    ],
    body: Buffer.from('hello'),
    timeoutMs: 30_000,
  });
  assert.equal(await text(answer.body), 'POST 5 bytes\n');
}

export async function assertHoldsNoMore({ pid }: Program, descriptors: number): Promise<void> {
  await until(() => openDescriptors(pid) <= descriptors, {
    what: `${descriptors} descriptors again`,
    explain: () => `${openDescriptors(pid)} are open`,
  });
}

/** The most that was resident since it began, after proc(5). */
function peakOf(pid: number): number {
  return Number(/^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) * 1024;
}

export const linesOf = (responder: Program): string[] => responder.stderr().split('\n').slice(0, -1);

function assertQuiet(responder: Program, connections: number): void {
  const lines = linesOf(responder);
  assert.ok(lines.length <= connections, `${lines.length} lines for ${connections} connections`);
  for (const line of lines) assert.match(line, /^fpm-ts\/responder: /);
}
