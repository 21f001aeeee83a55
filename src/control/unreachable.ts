/** What a person should read when the supervisor cannot be asked: who is there, what is known of it, what to do. */
import { FpmError } from '../errors.ts';
import type { CommandRule } from '../keeper/supervision/command-rule.ts';
import { configFileOf, keepers } from '../os/keepers.ts';
import { readStat } from '../os/proc.ts';
import type { SilenceError } from './exchange.ts';
import type { Instance } from './instance.ts';

export async function notRunning({ socket, runDir }: Instance): Promise<FpmError> {
  const left = await leftBehind(runDir);
  return new FpmError(
    'NOT_RUNNING',
    left === ''
      ? `no supervisor answers on ${socket}: start one with \`fpm-ts start\`, or name its configuration with -c FILE${elsewhere()}`
      : `no supervisor answers on ${socket}. ${left}`,
  );
}

/** What a keeper that was killed has left, for whom it concerns; empty: nothing, or it is not theirs to know. */
export async function leftBehind(runDir: string): Promise<string> {
  const [{ readJournal }, { isRunning }] = await Promise.all([
    import('../keeper/handover/journal-reader.ts'),
    import('../keeper/handover/state.ts'),
  ]);
  const state = readJournal(runDir);
  if (state === null || typeof state === 'string' || isRunning(state.keeper)) return '';
  const pids = state.workers.filter(isRunning).map(({ pid }) => pid);
  if (pids.length === 0) return '';
  return `Its keeper (pid ${state.keeper.pid}) ended without stopping its workers, which continue: ${pids.join(', ')}. \`fpm-ts start\` continues with them; a \`fpm-ts stop\` after that ends them`;
}

/** With what `-c` would have to say, which of a `spawn` nobody remembers. */
function named(keeper: number): string {
  const file = configFileOf(keeper);
  return file === null ? String(keeper) : `${keeper} (-c ${file})`;
}

/** It may be the one that is meant, from before its configuration was changed. */
function elsewhere(): string {
  const pids = keepers().map(named).join(', ');
  if (pids === '') return '';
  return `. On this machine fpm-ts runs as pid ${pids}, perhaps for another configuration: if that is the one you mean, and its run_dir or control.socket was changed since it was started, set the old value until it is stopped`;
}

export function mayNotConnect(socketPath: string): FpmError {
  return new FpmError(
    'NOT_ALLOWED',
    `you may not enter the directory of ${socketPath}; root and the supervisor's user may`,
  );
}

/** Its keeper runs, but nobody is to be had on the control socket. */
export function withoutSupervisor(socketPath: string, keeper: number, reason: string): FpmError {
  return new FpmError(
    'NOT_ANSWERING',
    `fpm-ts runs (pid ${keeper}), but its supervisor does not answer on ${socketPath} (${reason}): it may be starting again, and the log says why; the workers continue. \`kill -HUP ${keeper}\` brings back a socket that was removed`,
  );
}

/** @param command what it was asked */
export function isSilent(socketPath: string, error: SilenceError, { method }: CommandRule): FpmError {
  const { pid } = error;
  const stat = pid === null ? null : readStat(pid);
  const sentences = [
    `the supervisor${pid === null ? '' : ` (pid ${pid})`} does not answer on ${socketPath}: ${error.message}`,
    ...(stat === null ? [] : [`; ${doing(stat.state)}`]),
    '. The workers continue',
    ...(method === 'GET' ? [] : [', and what it was asked it may still do when it continues']),
    ...(stat === null ? [] : [`. ${remedy(stat.pid, stat.parent, stat.state)}`]),
  ];
  return new FpmError('NOT_ANSWERING', sentences.join(''));
}

export function brokeOff(socketPath: string, error: Error, { method }: CommandRule): FpmError {
  const unknown = method === 'GET' ? '' : '; whether it did what it was asked, `fpm-ts status` shows';
  return new FpmError('FAILED', `the supervisor on ${socketPath} broke off: ${error.message}${unknown}`);
}

/** The states of proc(5). */
function doing(state: string): string {
  switch (state) {
    case 'T':
    case 't':
      return 'a signal or a debugger has stopped it';
    case 'D':
      return 'it waits in the kernel, for a disk perhaps';
    case 'R':
      return 'it is busy';
    default:
      return 'it sleeps';
  }
}

function remedy(pid: number, keeper: number, state: string): string {
  const another = `\`kill -KILL ${pid}\` has its keeper (pid ${keeper}) start another one for the same workers`;
  return state === 'T' ? `\`kill -CONT ${pid}\` lets it continue; ${another}` : another;
}
