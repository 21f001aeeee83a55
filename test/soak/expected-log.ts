/** Warnings and errors that an operation brings about; at any other time they are a failure of the soak. */
import type { LogRecord } from '../lib/log.ts';
import { unexpectedRecords } from '../lib/log.ts';
import type { Kind } from './operations.ts';

/** A pool at its maximum says so whenever its clients come together. */
const ALWAYS: readonly RegExp[] = [/"event":"maxChildrenReached"/];

const OF: Readonly<Partial<Record<Kind, readonly RegExp[]>>> = {
  'kill-worker': [/SIGKILL/, /a status that only an earlier keeper was told/, /"event":"backingOff"/],
  'kill-supervisor': [/supervisor .*SIGKILL/, /"event":"restored"/, /the supervisor died while it reloaded/],
  'kill-keeper': [
    /ended without stopping its workers/,
    /"event":"restored"/,
    /the supervisor died while it reloaded/,
  ],
  'broken-file': [/"event":"reloadFailed"/],
  'bad-program': [/"event":"reloadFailed"/, /"event":"(exited|backingOff|rollCancelled|crashStorm)"/],
};

/** Between commands on one pool, one may end another: it says so, as a reload that a stop overtook does. */
const OVERTAKEN: readonly RegExp[] = [/"event":"reloadFailed".*(is stopping|was stopped|is stopped)/];

export function unexpectedIn(records: readonly LogRecord[], kinds: readonly Kind[]): string[] {
  const expected = [
    ...ALWAYS,
    ...kinds.flatMap(kind => OF[kind] ?? []),
    ...(kinds.length > 1 ? OVERTAKEN : []),
  ];
  return unexpectedRecords(records, expected).map(
    record => `unexpected in the log: ${JSON.stringify(record)}`,
  );
}
