/**
 * A soak: bursts of commands and deaths, some at the same time, on the real daemon behind a real nginx under load. What
 * commands promise is checked as they return; after each burst everything must come to rest, and be as it must be.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { readLog } from '../lib/log.ts';
import type { Place } from '../lib/place.ts';
import { openDescriptors } from '../lib/processes.ts';
import { Excuses } from './excuses.ts';
import { execute } from './execute.ts';
import { unexpectedIn } from './expected-log.ts';
import { type Ground, openGround } from './ground.ts';
import { describeOperation, drawBurst, type Kind, type Operation } from './operations.ts';
import { type Done, type PoolState, possibleSizes, possibleStates, type Size } from './outcomes.ts';
import { seeded } from './random.ts';
import { lookAtRest, type Rest } from './rest.ts';

export interface SoakOptions {
  readonly seed: number;
  readonly minutes: number;
  readonly only: readonly Kind[];
  readonly apart: boolean;
  readonly say: (line: string) => void;
}

export interface SoakResult {
  readonly bursts: number;
  readonly operations: ReadonlyMap<Kind, number>;
  readonly requests: number;
}

/** Drains and starts are over by then, also on a busy machine. */
const REST_WITHIN_MS = 30_000;
const LOOK_EVERY_MS = 100;

/** After so many bursts all pools are brought back, and descriptors are counted. */
const CALM_EVERY = 4;
/** A log that is being written, a client of the control socket that has just left. */
const DESCRIPTORS_SLACK = 2;

const LOG_LINES = 40;

export class SoakFailure extends Error {}

class Soak {
  readonly #ground: Ground;
  readonly #options: SoakOptions;
  readonly #excuses = new Excuses();
  readonly #history: string[] = [];
  readonly #counts = new Map<Kind, number>();
  readonly #levels = new Map<string, number>();
  #states: Map<string, Set<PoolState>>;
  #sizes: Map<string, Set<Size>>;
  #seenLog = 0;
  #bursts = 0;

  constructor(ground: Ground, options: SoakOptions) {
    this.#ground = ground;
    this.#options = options;
    this.#states = new Map(ground.pools.map(({ name }) => [name, new Set<PoolState>(['running'])]));
    this.#sizes = new Map(ground.pools.map(({ name }) => [name, new Set<Size>([null])]));
  }

  async run(): Promise<SoakResult> {
    const { seed, minutes, only, apart } = this.#options;
    const random = seeded(seed);
    // What has slow requests in hand drains long enough for other commands to meet it.
    const pools = this.#ground.pools.flatMap(({ name, isSlow }) => (isSlow ? [name, name] : [name]));
    const endMs = performance.now() + minutes * 60_000;
    await this.#calm();
    while (performance.now() < endMs) {
      await this.#burst(drawBurst(random, { pools, only, apart }));
      if (this.#bursts % CALM_EVERY === 0 || this.#isAstray()) await this.#calm();
    }
    await this.#ground.load.end();
    await this.#check(
      this.#excuses.judge(this.#ground.load.takeFailures(), () => this.#ground.journal.read()),
    );
    await this.#stop();
    return { bursts: this.#bursts, operations: this.#counts, requests: this.#ground.load.sent };
  }

  async #burst(operations: readonly Operation[]): Promise<void> {
    this.#bursts++;
    const sinceMs = performance.now();
    const title = operations.map(describeOperation).join(', ');
    this.#history.push(`burst ${this.#bursts} at ${(sinceMs / 1000).toFixed(3)} s: ${title}`);
    this.#options.say(`burst ${this.#bursts}: ${title}`);
    const done: Done[] = [];
    const complaints: string[] = [];
    const execution = {
      ground: this.#ground,
      states: this.#states,
      done,
      complain: (what: string) => void complaints.push(what),
    };
    const perform = async (operation: Operation): Promise<void> => {
      await delay(operation.offsetMs);
      await execute(operation, execution);
    };
    await Promise.all(operations.map(perform));
    for (const { operation, beginMs, endMs, code, output, killed } of done) {
      this.#counts.set(operation.kind, (this.#counts.get(operation.kind) ?? 0) + 1);
      const what = killed === null ? `${code} ${JSON.stringify(output.slice(0, 300))}` : `worker ${killed}`;
      const times = [beginMs, endMs].map(ms => (ms / 1000).toFixed(3)).join(' to ');
      this.#history.push(`  ${times} s ${[operation.kind, ...operation.pools].join(' ')}: ${what}`);
    }
    await this.#check(complaints);
    await this.#rest(done);
  }

  /** Waits until everything is as it must be, and takes what is seen for what there is. */
  async #rest(done: readonly Done[]): Promise<void> {
    const { pools } = this.#ground;
    const states = new Map(
      pools.map(pool => [
        pool.name,
        possibleStates(pool.name, this.#states.get(pool.name) ?? new Set(), done, this.#ground.hasFile(pool)),
      ]),
    );
    const sizes = new Map(
      pools.map(({ name, most }) => [
        name,
        possibleSizes(name, this.#sizes.get(name) ?? new Set(), done, most),
      ]),
    );
    const endMs = performance.now() + REST_WITHIN_MS;
    let rest: Rest = await lookAtRest(this.#ground, { states, sizes, done });
    while (rest.complaints.length > 0 && performance.now() < endMs) {
      await delay(LOOK_EVERY_MS);
      rest = await lookAtRest(this.#ground, { states, sizes, done });
    }
    await this.#check(rest.complaints.map(it => `at rest, after ${REST_WITHIN_MS} ms: ${it}`));
    this.#excuses.note(pools, done, rest.states);
    this.#states = new Map([...rest.states].map(([name, state]) => [name, new Set([state])]));
    this.#sizes = sizes;
    await this.#check([
      ...this.#excuses.judge(this.#ground.load.takeFailures(), () => this.#ground.journal.read()),
      ...this.#newLog(done.map(({ operation }) => operation.kind)),
    ]);
  }

  #newLog(kinds: readonly Kind[]): string[] {
    const records = readLog(this.#ground.instance.logFile);
    const fresh = records.slice(this.#seenLog);
    this.#seenLog = records.length;
    return unexpectedIn(fresh, kinds);
  }

  /** A file that is not what runs: a command that was cut short left it so. */
  #isAstray(): boolean {
    return this.#ground.pools.some(
      pool => this.#ground.hasFile(pool) === this.#states.get(pool.name)?.has('absent'),
    );
  }

  /** Brings back every pool, each with all-new workers, and holds the descriptors against those of the first time. */
  async #calm(): Promise<void> {
    const ground = this.#ground;
    for (const pool of ground.pools) if (!ground.hasFile(pool)) ground.write(pool, pool.text(0));
    const commands = [
      ['reload', '--changed'],
      ['start', ...ground.pools.map(({ name }) => name)],
      ['reload'],
    ];
    for (const command of commands) {
      const { code, stderr } = await ground.cli(...command);
      this.#history.push(`calm: ${command.join(' ')}: ${code} ${stderr.trim()}`);
      await this.#check(
        code === 0 ? [] : [`calm: ${command.join(' ')} ended with ${code}: ${stderr.trim()}`],
      );
    }
    this.#states = new Map(ground.pools.map(({ name }) => [name, new Set<PoolState>(['running'])]));
    this.#sizes = new Map(ground.pools.map(({ name }) => [name, new Set<Size>([null])]));
    await this.#rest([]);
    const endMs = performance.now() + REST_WITHIN_MS;
    let complaints = await this.#descriptors();
    while (complaints.length > 0 && performance.now() < endMs) {
      await delay(LOOK_EVERY_MS);
      complaints = await this.#descriptors();
    }
    await this.#check(complaints);
  }

  async #descriptors(): Promise<string[]> {
    const status = await this.#ground.instance.status(true);
    if (status === null) return ['nobody answers on the control socket'];
    // An on-demand pool has as many workers as it has clients: each costs the keeper its pipes and its pidfd.
    const workers = status.pools.reduce((sum, pool) => sum + pool.workers.total, 0);
    return Object.entries({ keeper: status.pid, supervisor: status.supervisor_pid }).flatMap(([who, pid]) => {
      const key = `${who} with ${workers} workers`;
      const now = openDescriptors(pid);
      const level = this.#levels.get(key);
      if (level === undefined) this.#levels.set(key, now);
      if (level === undefined || now <= level + DESCRIPTORS_SLACK) return [];
      return [`the ${key} has ${now} descriptors, and had ${level} before`];
    });
  }

  async #stop(): Promise<void> {
    const { instance } = this.#ground;
    const { code, stderr } = await this.#ground.cli('stop');
    const left = instance.workers();
    await this.#check([
      ...(code === 0 ? [] : [`stop ended with ${code}: ${stderr.trim()}`]),
      ...(left.length === 0 ? [] : [`stop said done, and workers are left: ${left.join(', ')}`]),
    ]);
  }

  /** @throws SoakFailure with everything that is needed to see what it was, if there is anything */
  async #check(complaints: readonly string[]): Promise<void> {
    if (complaints.length === 0) return;
    const { seed, only, apart, minutes } = this.#options;
    const status = await this.#ground.instance.status(true);
    throw new SoakFailure(
      [
        `seed ${seed}, ${minutes} min${apart ? ', --apart' : ''}, --only=${only.join(',')}: failed in burst ${this.#bursts}`,
        ...complaints.slice(0, 20).map(it => `  * ${it}`),
        ...(complaints.length > 20 ? [`  * and ${complaints.length - 20} more`] : []),
        'operations:',
        ...this.#history,
        `status --json: ${JSON.stringify(status)}`,
        this.#ground.instance.tail(LOG_LINES),
        ...complaints.slice(0, 5).map(it => `  * ${it}`), // the end is what is read first
      ].join('\n'),
    );
  }
}

export async function soak(place: Place, options: SoakOptions): Promise<SoakResult> {
  options.say(`seed ${options.seed}`);
  return await new Soak(await openGround(place), options).run();
}
