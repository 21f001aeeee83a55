/**
 * A daemon whose supervisor dies at a named step: `mortal-main.mjs` stands between keeper and supervisor, and a plan
 * says before or after which request it kills. Only the first supervisor that comes there dies; the next is spared.
 */
import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Daemon, type DaemonOptions, startDaemon } from './daemon.ts';
import { ask } from './http.ts';
import { FIXTURES } from './paths.ts';
import { openInner, type Place } from './place.ts';

/** A step of the protocol: the request as the trace names it, with how many of that name come before it. */
export interface Step {
  readonly request: string;
  readonly skip: number;
  /** Before it reaches the keeper; or when the keeper has done it, before the supervisor hears so. */
  readonly when: 'before' | 'after';
}

export interface Mortal {
  readonly daemon: Daemon;
  /** The next supervisor that comes to this step dies there. */
  plan(step: Step): void;
  /** @returns whether it came to it; the plan is over in any case */
  isFired(): boolean;
  forget(): void;
  /** What was asked of the keeper so far, in order. */
  trace(): readonly string[];
  /** All workers that a pool ever had, whoever of the supervisors started them. */
  workers(pool: string): ReadonlySet<number>;
  /** A control command; null: the supervisor died meanwhile. */
  post(command: string, args: object): Promise<{ readonly status: number; readonly text: string } | null>;
}

const MORTAL = join(FIXTURES, 'node', 'mortal-main.mjs');

/** What the log says of it. */
export const DEATHS: readonly RegExp[] = [/supervisor \d+ ended \(SIGKILL\)/, /supervisor restarted/];

/** @param first where the very first supervisor dies */
export async function startMortal(place: Place, options: DaemonOptions, first?: Step): Promise<Mortal> {
  const inner = openInner(place, 'daemon');
  const dir = join(place.dir, 'mortal');
  mkdirSync(dir);
  const pathOf = (name: string): string => join(dir, name);
  const lines = (name: string): string[] => {
    try {
      return readFileSync(pathOf(name), 'latin1').split('\n').slice(0, -1);
    } catch {
      return [];
    }
  };
  let plans = 0;
  const plan = (step: Step): void => {
    writeFileSync(pathOf('next.json'), JSON.stringify({ ...step, plan: ++plans }));
    renameSync(pathOf('next.json'), pathOf('plan.json'));
  };
  if (first !== undefined) plan(first);
  const daemon = await startDaemon(inner, {
    ...options,
    program: [process.execPath, MORTAL],
    env: { ...options.env, FPM_TS_MORTAL_DIR: dir },
    expectedLog: [...DEATHS, ...(options.expectedLog ?? [])],
  });
  return {
    daemon,
    plan,
    isFired: () => lines('fired').length === plans,
    forget: () => rmSync(pathOf('plan.json'), { force: true }),
    trace: () => lines('trace'),
    workers: pool =>
      new Set(
        lines('workers').flatMap(line => (line.startsWith(`${pool} `) ? [Number(line.split(' ')[1])] : [])),
      ),
    async post(command, args) {
      const body = JSON.stringify(args);
      return await ask(`http://localhost/v1/${command}`, {
        socketPath: daemon.controlSocket,
        method: 'POST',
        body,
      }).catch(() => null);
    },
  };
}
