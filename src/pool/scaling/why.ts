/**
 * Why a pool was given more workers, fewer, or not as many as it calls for: the reasons of a decision with the numbers
 * that led there, and their text, which `explain`, the log and `simulate` share.
 */
import type { Because } from '../decision-log.ts';

export type Reason =
  /** What calls for workers. */
  | { readonly code: 'below-size'; readonly present: number; readonly size: number; readonly by: SizedBy }
  | { readonly code: 'first-fill'; readonly present: number; readonly startServers: number }
  | ({ readonly code: 'demand' } & DemandNumbers)
  | { readonly code: 'load-unknown'; readonly present: number; readonly size: number }
  | { readonly code: 'reload'; readonly missing: number }
  /** What lets workers go. */
  | { readonly code: 'above-size'; readonly present: number; readonly size: number; readonly by: SizedBy }
  | ({ readonly code: 'idle-excess'; readonly peak: number; readonly idleTimeoutMs: number } & DemandNumbers)
  | { readonly code: 'room-for-reload'; readonly count: number }
  | { readonly code: 'process-max-return'; readonly count: number }
  /** What replaces a worker. */
  | { readonly code: 'max-memory'; readonly memoryBytes: number; readonly maxMemoryBytes: number }
  | { readonly code: 'max-lifetime'; readonly ageMs: number; readonly maxLifetimeMs: number }
  /** What holds more workers back. */
  | {
      readonly code: 'max-children';
      readonly needed: number;
      readonly spare: number;
      readonly maxChildren: number;
    }
  | {
      readonly code: 'spawn-rate';
      readonly missing: number;
      readonly left: number;
      readonly perSecond: number;
    }
  | { readonly code: 'process-max'; readonly missing: number; readonly allowance: number }
  | {
      readonly code: 'memory-short';
      readonly missing: number;
      readonly minimum: number;
      readonly text: string;
    }
  | { readonly code: 'backing-off'; readonly failedAttempts: number; readonly forMs: number }
  | { readonly code: 'one-to-try'; readonly failedAttempts: number }
  /** What keeps idle workers. */
  | {
      readonly code: 'kept-for-peak';
      readonly excess: number;
      readonly peak: number;
      readonly idleTimeoutMs: number;
    }
  | { readonly code: 'watched-too-short'; readonly excess: number; readonly idleTimeoutMs: number };

export type SizedBy = 'max_children' | 'scale' | 'pause';

export interface DemandNumbers {
  /** Connections that are served, and that wait to be accepted. */
  readonly accepted: number;
  readonly waiting: number;
  /** Workers that these connections need, the idle ones wanted beside them, and how many there are. */
  readonly needed: number;
  readonly spare: number;
  readonly present: number;
}

/** One sentence without its full stop. */
export function describeReason(reason: Reason): string {
  const { code } = reason;
  const isCounted = code === 'demand' || code === 'load-unknown' || code === 'idle-excess';
  return describeCause(reason) + (isCounted ? `, there ${are(reason.present)}` : '');
}

/** The same without how many workers there are: what somebody else's pool would need, who has others. */
export function describeCause(reason: Reason): string {
  switch (reason.code) {
    case 'below-size':
      return `${reason.present} of ${workers(reason.size)} that ${sizedBy(reason.by)}`;
    case 'first-fill':
      return `${reason.present} of the ${reason.startServers} that start_servers starts with`;
    case 'demand':
      return `${demand(reason)}${spare('min', reason)}`;
    case 'load-unknown':
      return `its connections cannot be seen, so it is kept at ${workers(reason.size)}`;
    case 'reload':
      return `the new generation lacks ${reason.missing}`;
    case 'above-size':
      return `${reason.present} where ${workers(reason.size)} ${reason.size === 1 ? 'is' : 'are'} what ${sizedBy(reason.by)}`;
    case 'idle-excess':
      return `${demand(reason)}${spare('max', reason)}, the peak of the last ${seconds(reason.idleTimeoutMs)} needed ${reason.peak}`;
    case 'room-for-reload':
      return `${workers(reason.count)} of the old generation ${reason.count === 1 ? 'gives' : 'give'} way to the new one, as there is no room for both`;
    case 'process-max-return':
      return `other pools need ${workers(reason.count)} of it for their share of process.max`;
    case 'max-memory':
      return `it uses ${megabytes(reason.memoryBytes)}, max_memory is ${megabytes(reason.maxMemoryBytes)}`;
    case 'max-lifetime':
      return `it is ${seconds(reason.ageMs)} old, max_lifetime is ${seconds(reason.maxLifetimeMs)}`;
    case 'max-children':
      return `${maxChildrenLack(reason)}, but max_children is ${reason.maxChildren}`;
    case 'spawn-rate':
      return `max_spawn_rate ${reason.perSecond} leaves ${reason.left} of ${reason.missing} for now`;
    case 'process-max':
      return `process.max leaves this pool ${Math.max(0, reason.allowance)} of ${reason.missing}`;
    case 'memory-short':
      return `${reason.text}: nothing is started above the pool's minimum of ${reason.minimum}, ${reason.missing} missing`;
    case 'backing-off':
      return `workers died young (${attempts(reason.failedAttempts)}): the next try is in ${seconds(reason.forMs)}`;
    case 'one-to-try':
      return `workers died young (${attempts(reason.failedAttempts)}): one is tried before the others`;
    case 'kept-for-peak':
      return `${reason.excess} idle ${reason.excess === 1 ? 'worker stays' : 'workers stay'}: ${workers(reason.peak)} were needed within the last ${seconds(reason.idleTimeoutMs)}`;
    case 'watched-too-short':
      return `${reason.excess} idle ${reason.excess === 1 ? 'worker stays' : 'workers stay'} until the pool has been watched for ${seconds(reason.idleTimeoutMs)}`;
  }
}

/** "5 workers are needed, and 2 to spare" */
function maxChildrenLack({ needed, spare }: { readonly needed: number; readonly spare: number }): string {
  const verb = needed === 1 ? 'is' : 'are';
  return `${workers(needed)} ${verb} needed${spare === 0 ? '' : `, and ${spare} to spare`}`;
}

/** As the decision log takes it. */
export function becauseOf(reason: Reason): Because {
  const { code, ...numbers } = reason;
  return { code, text: describeReason(reason), numbers };
}

function demand({ accepted, waiting, needed }: DemandNumbers): string {
  return `${accepted} served and ${waiting} waiting connections need ${workers(needed)}`;
}

/** An on-demand pool has no spare workers. */
function spare(which: 'min' | 'max', { needed, spare }: DemandNumbers): string {
  return spare === 0 ? '' : `, with ${which}_spare_servers = ${spare} that is ${needed + spare}`;
}

function sizedBy(by: SizedBy): string {
  if (by === 'pause') return '`fpm-ts pause` keeps';
  return by === 'scale' ? '`fpm-ts scale` asked for' : 'max_children asks for';
}

function workers(count: number): string {
  return count === 1 ? '1 worker' : `${count} workers`;
}

function are(count: number): string {
  return count === 1 ? 'is 1' : `are ${count}`;
}

function attempts(count: number): string {
  return count === 1 ? '1 failed attempt' : `${count} failed attempts in a row`;
}

function megabytes(bytes: number): string {
  return `${(bytes / 2 ** 20).toFixed(1)} MB`;
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(ms % 1000 === 0 ? 0 : 1)} s`;
}
