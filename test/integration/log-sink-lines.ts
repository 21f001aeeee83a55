/** Numbered lines for the tests of the log: written through a sink, and found again wherever they went. */
import assert from 'node:assert/strict';
import type { LogSink } from '../../src/keeper/output/log-sink.ts';

export interface Written {
  readonly number?: number;
  readonly dropped?: number;
  readonly msg: string;
}

const FILLER = 'x'.repeat(150);

export function writeNumbered(sink: LogSink, from: number, count: number): void {
  for (let number = from; number < from + count; number++) {
    sink.write({ level: 30, time: 1, pool: 'www', pid: 1, stream: 'stderr', number, msg: FILLER });
  }
}

export function records(text: string): Written[] {
  assert.ok(text === '' || text.endsWith('\n'), 'the last line is whole');
  return text
    .split('\n')
    .slice(0, -1)
    .map(line => JSON.parse(line) as Written);
}

/** Every number in its place once; where some are missing, a report with exactly that count stands there. */
export function assertComplete(found: readonly Written[], count: number): void {
  let expected = 0;
  for (const { number, dropped } of found) {
    if (dropped !== undefined) expected += dropped;
    else assert.equal(number, expected++);
  }
  assert.equal(expected, count);
}
