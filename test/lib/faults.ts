/**
 * A fault of the machine while requests come in: one pool has the load, behind a web server, and beside it is an idle
 * one that can be looked at and whose workers may be killed without a request being in their hands.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, statSync } from 'node:fs';
import type { Daemon } from './daemon.ts';
import type { Place } from './place.ts';
import { scriptPool } from './pools.ts';
import { poolOf, type Status, workerPids } from './status.ts';
import { storm } from './storm.ts';
import {
  type Field,
  type FieldOptions,
  openField,
  PROGRAMS,
  STORM_POOL,
  type StormProgram,
} from './storm-pools.ts';

export const SPARE = 'spare';

/** Its program does not finish its request on a signal: whatever is cut shows. */
export const FAULT_PROGRAM: StormProgram = PROGRAMS.plain;

export function openFaultField(place: Place, options: Partial<FieldOptions> = {}): Promise<Field> {
  return openField(place, {
    program: FAULT_PROGRAM,
    transport: 'unix',
    ...options,
    others: { [SPARE]: scriptPool('exec sleep 600', { 'pm.max_children': 2 }), ...options.others },
  });
}

/** Does something while 16 clients ask one request after another. @returns everything that contradicts "0 failed" */
export async function underLoad(
  place: Place,
  { site }: Field,
  what: () => Promise<void>,
): Promise<readonly string[]> {
  const { complaints } = await storm(place, site, {
    clients: 16,
    disturb: async () => {
      await what();
      return [];
    },
    isOver: () => true,
  });
  return complaints;
}

/** Kills a worker of the spare pool. @returns its pid */
export async function killSpare(daemon: Daemon): Promise<number> {
  const [victim = 0] = workerPids(await daemon.status(), SPARE);
  process.kill(victim, 'SIGKILL');
  return victim;
}

export function isWhole(status: Status): boolean {
  return [SPARE, STORM_POOL].every(name => {
    const { state, reason, workers, pm } = poolOf(status, name);
    return (
      state === 'running' && reason === '' && workers.total === pm.max_children && workers.starting === 0
    );
  });
}

const LIMITS = { files: ['nofile', 'Max open files'], processes: ['nproc', 'Max processes'] } as const;

/** Sets what a process may have, the hard limit as it is. @returns sets it back; the end of the place does, too */
export function limit(place: Place, pid: number, what: keyof typeof LIMITS, count: number): () => void {
  const [option, line] = LIMITS[what];
  const limits = readFileSync(`/proc/${pid}/limits`, 'latin1');
  const before = new RegExp(`^${line}\\s+(\\S+)`, 'm').exec(limits)?.[1] ?? 'unlimited';
  const { uid, gid } = statSync(`/proc/${pid}`);
  // Root may do without CAP_SYS_RESOURCE what the user itself may do (prlimit(2)).
  const asUser = uid === 0 ? [] : [`--reuid=${uid}`, `--regid=${gid}`, '--clear-groups', '--', 'prlimit'];
  const set = (soft: number | string): void => {
    if (!existsSync(`/proc/${pid}`)) return;
    const args = [...asUser, '--pid', String(pid), `--${option}=${soft}:`];
    execFileSync(uid === 0 ? 'prlimit' : 'setpriv', args);
  };
  const restore = (): void => set(before);
  place.defer(restore);
  set(count);
  return restore;
}

/** How many records of the log name that event. */
export function told(daemon: Daemon, event: string): number {
  return daemon.log().filter(it => it.event === event).length;
}
