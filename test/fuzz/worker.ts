/** A process of the fuzzing run: makes its inputs, checks them, and tells how far it is. */
import { openSync, writeSync } from 'node:fs';
import { checkInput, makeInput } from './inputs.ts';
import type { Failure, Progress, Share } from './messages.ts';

const REPORT_EVERY = 5000;

function run({ seed, first, end, step, currentFile }: Share): void {
  const current = Buffer.alloc(8);
  const fd = openSync(currentFile, 'w');
  let since = begin();
  for (let index = first; index < end; index += step) {
    current.writeDoubleLE(index);
    writeSync(fd, current, 0, current.length, 0);
    const input = makeInput(seed, index);
    since.inputs += 1;
    since.bytes += input.bytes.length;
    try {
      const { refused } = checkInput(input);
      const outcome = `${input.target} ${refused ?? 'accepted'}`;
      since.outcomes[outcome] = (since.outcomes[outcome] ?? 0) + 1;
    } catch (error) {
      const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
      since.failures.push({ index, text: `${input.target}: ${text}` });
    }
    if (since.inputs < REPORT_EVERY) continue;
    report(since);
    since = begin();
  }
  report(since);
}

interface Counted {
  inputs: number;
  bytes: number;
  outcomes: Record<string, number>;
  failures: Failure[];
}

const begin = (): Counted => ({ inputs: 0, bytes: 0, outcomes: {}, failures: [] });

function report(since: Counted): void {
  const progress: Progress = { ...since, peakBytes: process.resourceUsage().maxRSS * 1024 };
  process.send?.(progress);
}

run(JSON.parse(process.argv[2] ?? '') as Share);
process.disconnect();
