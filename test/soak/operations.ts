/**
 * What is done in a soak, drawn from the seed alone: nothing that is seen on the way changes what is drawn, so the same
 * seed gives the same operations on the same pools at the same offsets.
 */
import type { Random } from './random.ts';

export const KINDS = [
  'start',
  'stop',
  'stop-now',
  'reload',
  'reload-pool',
  'reload-changed',
  'scale',
  'remove',
  'add',
  'kill-worker',
  'kill-supervisor',
  'kill-keeper',
  'broken-file',
  'bad-program',
] as const;

export type Kind = (typeof KINDS)[number];

export interface Operation {
  readonly kind: Kind;
  /** None where it concerns all of them. */
  readonly pools: readonly string[];
  /** After the beginning of its burst. */
  readonly offsetMs: number;
  /** 0 <= value < 1: which worker is killed, to how many it is scaled. */
  readonly luck: number;
}

export interface Draw {
  /** One that is named twice is drawn twice as often. */
  readonly pools: readonly string[];
  readonly only: readonly Kind[];
  /** Never two at a time. */
  readonly apart: boolean;
}

/** What happens most is what people do most. */
const WEIGHT: Readonly<Record<Kind, number>> = {
  start: 5,
  stop: 4,
  'stop-now': 2,
  reload: 3,
  'reload-pool': 3,
  'reload-changed': 2,
  scale: 3,
  remove: 2,
  add: 3,
  'kill-worker': 2,
  'kill-supervisor': 2,
  'kill-keeper': 1,
  'broken-file': 1,
  'bad-program': 1,
};

/** Commands that take several pools. */
const TAKES_TWO: readonly Kind[] = ['start', 'stop', 'stop-now', 'reload-pool'];
const SECOND = 0.3;

const WITHOUT_POOL: readonly Kind[] = ['reload', 'kill-supervisor', 'kill-keeper', 'broken-file'];

/**
 * At most one of a group in a burst. With files that are wrong a keeper cannot start, and with no keeper a worker that
 * is killed is not replaced: what is promised then is nothing that could be checked.
 */
const NEVER_TOGETHER: readonly (readonly Kind[])[] = [
  ['broken-file', 'bad-program', 'kill-keeper'],
  ['kill-keeper', 'kill-supervisor', 'kill-worker'],
];

/**
 * Half of the bursts are about one pool that is taken away, and what comes before it is gone: a command that finds it
 * in a drain, and another one that finds that command waiting.
 */
const MEETING: readonly (readonly Kind[])[] = [
  ['stop', 'stop', 'remove', 'reload-pool'],
  ['start', 'start', 'stop', 'remove', 'reload', 'kill-supervisor'],
  ['start', 'start', 'stop', 'stop-now', 'add', 'reload', 'scale', 'kill-keeper'],
];

const MOST_AT_ONCE = 3;
/** Half of the bursts are close together, so that commands meet where each of them begins. */
const WITHIN_MS = [300, 1500];
/** The pool that most of a burst is about, so that commands on one pool meet. */
const HOT = 0.7;

export function drawBurst(random: Random, { pools, only, apart }: Draw): readonly Operation[] {
  const hot = random.pick(pools);
  const isMeeting = !apart && random.chance(0.5);
  const count = isMeeting ? MEETING.length : 1 + random.below(MOST_AT_ONCE);
  const withinMs = random.pick(WITHIN_MS);
  const anyKind = only.flatMap(it => Array<Kind>(WEIGHT[it]).fill(it));
  const drawn: Operation[] = [];
  for (let i = 0; i < count; i++) {
    const meeting = isMeeting ? (MEETING[i] ?? []).filter(it => only.includes(it)) : [];
    const kind = random.pick(meeting.length > 0 ? meeting : anyKind);
    const first = isMeeting || random.chance(HOT) ? hot : random.pick(pools);
    const second = random.chance(SECOND) ? random.pick(pools) : first;
    const operation: Operation = {
      kind,
      pools: WITHOUT_POOL.includes(kind)
        ? []
        : TAKES_TWO.includes(kind)
          ? [...new Set([first, second])]
          : [first],
      offsetMs: i === 0 ? 0 : random.below(withinMs),
      luck: random.next(),
    };
    if (!clashes(operation, drawn)) drawn.push(operation);
  }
  return (apart ? drawn.slice(0, 1) : drawn).toSorted((a, b) => a.offsetMs - b.offsetMs);
}

function clashes({ kind }: Operation, others: readonly Operation[]): boolean {
  return NEVER_TOGETHER.some(group => group.includes(kind) && others.some(it => group.includes(it.kind)));
}

export function describeOperation({ kind, pools, offsetMs }: Operation): string {
  return `+${offsetMs} ms ${[kind, ...pools].join(' ')}`;
}
