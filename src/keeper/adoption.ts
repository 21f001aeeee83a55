/** What a keeper that was killed has left in the run directory: whether it can be gone on with. */
import { signalProcess, untilEnded } from '../os/pidfd.ts';
import { isRunning, type KeeperState } from './state.ts';
import { readStateFile } from './state-file.ts';
import { Survivors } from './survivors.ts';

export interface Found {
  readonly state: KeeperState;
  readonly survivors: Survivors;
}

/**
 * Whoever calls holds the lock of the pid file.
 * @param inherited the sockets that the service manager has passed
 * @param say takes what an administrator should read about it
 * @returns null: there is nothing to go on with
 */
export async function adopt(
  runDir: string,
  inherited: ReadonlyMap<string, number>,
  say: (text: string) => void,
): Promise<Found | null> {
  const state = readStateFile(runDir);
  if (state === null) return null;
  if (typeof state === 'string') {
    say(`${state}: it is not used. Workers that an earlier keeper may have left are not known`);
    return null;
  }
  // The pid file was removed, or is another one: the supervisor finds the other one by its control socket.
  if (isRunning(state.keeper)) return null;
  await endSupervisor(state);
  const survivors = new Survivors(state, inherited);
  const left = state.workers.filter(worker => survivors.has(worker));
  if (left.length === 0) return null;
  const { pid } = state.keeper;
  say(
    `keeper ${pid} ended without stopping its workers: ${left.length} of them still run and are gone on with`,
  );
  return { state, survivors };
}

/** It ends by itself when its keeper does, unless it is stopped. */
async function endSupervisor({ supervisor }: KeeperState): Promise<void> {
  if (supervisor === null || !isRunning(supervisor)) return;
  if (signalProcess(supervisor.pid, 'SIGKILL')) await untilEnded(supervisor.pid);
}
