/** What a keeper that was killed has left in the run directory: whether it can be gone on with. */

import { HIDDEN_SUFFIX, probeUnixSocket } from '../../os/address.ts';
import { nowMs } from '../../os/clock.ts';
import { isOwnFile, removeStale, unlinkOwn } from '../../os/listener.ts';
import { signalProcess, untilEnded } from '../../os/pidfd.ts';
import { linkOf, openSockets } from '../../os/proc.ts';
import { ProcessTable } from '../../os/process-table.ts';
import { touchSocket } from '../../os/socket-place.ts';
import { IN_LISTEN } from '../../os/socket-rows.ts';
import { tcpSockets, unixSockets } from '../../os/socket-tables.ts';
import { socketUser } from '../listeners/open-listener.ts';
import { readJournal } from './journal-reader.ts';
import {
  isRunning,
  type KeeperState,
  type SavedListener,
  type SavedPipe,
  type SavedWorker,
} from './state.ts';
import { Survivors } from './survivors.ts';

/** What is found in a run directory: it is another's, or ours with what a killed keeper has left, which may be nothing. */
export type Legacy =
  | { readonly ownedBy: number }
  | {
      readonly state: KeeperState;
      readonly survivors: Survivors;
      /** Some process is stopped: it may be a worker that the keeper or its supervisor had frozen. */
      readonly isAnyStopped: boolean;
    }
  | null;

/**
 * Whoever calls holds the lock of the run directory.
 * @param inherited the sockets that the service manager has passed
 * @param say takes what an administrator should read about it
 */
export async function adopt(
  runDir: string,
  inherited: ReadonlyMap<string, number>,
  say: (text: string) => void,
): Promise<Legacy> {
  const state = readJournal(runDir);
  if (state === null) return null;
  if (typeof state === 'string') {
    say(`${state}: it is not used. Workers that an earlier keeper may have left are not known`);
    return null;
  }
  if (isRunning(state.keeper)) return { ownedBy: state.keeper.pid }; // the pid file was removed, or is another one
  await endSupervisor(state);
  const processes = new ProcessTable();
  const all = { ...state, workers: [...state.workers, ...unlisted(state, processes)] };
  const survivors = new Survivors(all, processes, inherited);
  const left = all.workers.filter(worker => survivors.has(worker));
  if (left.length === 0) return null;
  const { pid } = state.keeper;
  say(
    `keeper ${pid} ended without stopping its workers: ${left.length} of them still run and are gone on with`,
  );
  removeUnfinished(state.listeners);
  const isAnyStopped = [...processes.all].some(({ state: is }) => is === 'T');
  const workers = all.workers.map(worker => ({ ...worker, isChild: false }));
  return { state: { ...state, listeners: stillOpen(state.listeners), workers }, survivors, isAnyStopped };
}

/** The file of a listener that was opened in the last moment: no worker has it, and the state does not know it yet. */
function removeUnfinished(listeners: readonly SavedListener[]): void {
  for (const { spec } of listeners) {
    if (spec.address.type !== 'unix') continue;
    const { path } = spec.address;
    const hidden = path + HIDDEN_SUFFIX;
    try {
      touchSocket(path, socketUser(spec), () => {
        if (probeUnixSocket(hidden) === 'stale') removeStale(hidden);
      });
    } catch {} // the next listener with that name says why
  }
}

/** Those that somebody has; what the others have left in the file system is removed. */
function stillOpen(listeners: readonly SavedListener[]): SavedListener[] {
  const inodes = new Set<number>();
  unixSockets(IN_LISTEN, false, ({ inode }) => inodes.add(inode));
  for (const family of [4, 6] as const) tcpSockets(family, IN_LISTEN, null, ({ inode }) => inodes.add(inode));
  return listeners.filter(({ spec, inode, file }) => {
    const isOpen = inodes.has(inode);
    if (!isOpen && file !== null && file.name !== null) unlinkOwn(file.name, file.identity, socketUser(spec));
    return isOpen;
  });
}

/**
 * Those that were started in the last moment, of which the state does not know yet: each leads a session, and has a
 * listener that only a worker can have got from us. The first ones of a generation that nobody has reached yet are
 * ended: nothing is known of how they are meant to be.
 */
function unlisted({ keeper, listeners, workers }: KeeperState, processes: ProcessTable): SavedWorker[] {
  const known = new Set([keeper.pid, process.pid, ...workers.map(({ pid }) => pid)]);
  // The service manager's are also its own, and whoever else it has given them to has them: we, to begin with.
  const ours = listeners.filter(({ spec }) => spec.address.type !== 'systemd');
  return [...processes.all].flatMap(({ pid, session, startTicks }) => {
    if (known.has(pid) || session !== pid || startTicks < keeper.startTicks) return [];
    const held = new Set(openSockets(pid));
    const listener = ours.find(({ inode }) => held.has(inode));
    if (listener === undefined) return [];
    const sibling = workers.findLast(({ spec }) => spec.listener === listener.spec.id);
    if (sibling === undefined) {
      if (isHidden(listener)) signalProcess(pid, 'SIGKILL', startTicks);
      return [];
    }
    const pipes = { stdout: pipeOf(pid, 1), stderr: pipeOf(pid, 2) };
    return [{ ...sibling, pid, startTicks, startedAtMs: nowMs(), exit: null, gone: false, ...pipes }];
  });
}

/** Beside another one, and not yet in its place. */
function isHidden({ spec, file, tcp }: SavedListener): boolean {
  const { address } = spec;
  if (address.type === 'unix') return file !== null && !isOwnFile(address.path, file.identity);
  return tcp !== null && !tcp.isSteeredTo;
}

function pipeOf(pid: number, descriptor: number): SavedPipe | null {
  const inode = /^pipe:\[(\d+)\]$/.exec(linkOf(pid, descriptor) ?? '')?.[1];
  return inode === undefined ? null : { inode: Number(inode), descriptor: -1, unfinished: null };
}

/** It ends by itself when its keeper does, unless it is stopped. */
async function endSupervisor({ supervisor }: KeeperState): Promise<void> {
  if (supervisor === null || !isRunning(supervisor)) return;
  if (signalProcess(supervisor.pid, 'SIGKILL', supervisor.startTicks)) await untilEnded(supervisor.pid);
}
