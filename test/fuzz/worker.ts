/** A process of the fuzzing run: makes its inputs, checks them, and tells how far it is. */
import { openSync, writeSync } from 'node:fs';
import { checkInput, type Input, makeInput } from './inputs.ts';
import type { Failure, Progress, Share } from './messages.ts';

const REPORT_EVERY = 5000;
const FAILED = 'FAILED';

// Half of the inputs end in a ProtocolError, whose stack nobody reads and which costs more than the reading.
Error.stackTraceLimit = 0;

function run({ seed, first, end, step, currentFile }: Share): void {
  const current = Buffer.alloc(8);
  const fd = openSync(currentFile, 'w');
  const parent = process.ppid;
  let since = begin();
  for (let index = first; index < end; index += step) {
    current.writeDoubleLE(index);
    writeSync(fd, current, 0, current.length, 0);
    const input = makeInput(seed, index);
    since.inputs += 1;
    since.bytes += input.bytes.length;
    const outcome = `${input.target} ${tryInput(input)}`;
    since.outcomes[outcome] = (since.outcomes[outcome] ?? 0) + 1;
    if (outcome.endsWith(FAILED)) since.failures.push({ index, text: whyFails(input) });
    if (since.inputs < REPORT_EVERY) continue;
    report(since);
    since = begin();
    // Nothing is heard within this loop, the end of the one who asked included.
    if (process.ppid !== parent) return;
  }
  report(since);
}

/** "accepted", the code with which it was refused, or FAILED. */
function tryInput(input: Input): string {
  try {
    return checkInput(input).refused ?? 'accepted';
  } catch {
    return FAILED;
  }
}

/** The same again, with the stack. */
function whyFails(input: Input): string {
  Error.stackTraceLimit = 10;
  try {
    checkInput(input);
    return 'the second time it does not fail';
  } catch (error) {
    return error instanceof Error ? (error.stack ?? error.message) : String(error);
  } finally {
    Error.stackTraceLimit = 0;
  }
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
