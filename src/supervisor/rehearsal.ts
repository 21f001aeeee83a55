/** A supervisor of this program goes on with what another one has left, as far as that does nothing. */

import type { Keeper } from '../keeper/client.ts';
import type { Inheritance } from '../keeper/handover/inheritance.ts';
import type { SavedListener } from '../keeper/handover/state.ts';
import { SETTINGS } from '../keeper/notes.ts';
import type { Answer, ListenerState, RequestName, World } from '../keeper/protocol.ts';
import { restore } from './main.ts';

/** @throws whatever an actual supervisor would die of */
export async function rehearseRestore(inheritance: Inheritance, configFile: string | null): Promise<void> {
  const world = worldOf(inheritance);
  if (world.notes[SETTINGS] === undefined) return; // the files are to be read, as at a start
  await restore(idleKeeper(world), world, { configFile, json: false });
}

function worldOf({ keeper, startedAtMs, inherited, listeners, workers, notes, passed }: Inheritance): World {
  return {
    keeperPid: keeper.pid,
    startedAtMs,
    startedAt: passed.startedAt,
    listeners: listeners.map(listenerState),
    inheritedSockets: inherited.map(({ name }) => name),
    workers: workers.map(({ pid, tag, startedAtMs: since, exit, gone, isChild }) => ({
      pid,
      tag,
      startedAtMs: since,
      exit,
      gone,
      isAdopted: !isChild,
    })),
    notes,
  };
}

function listenerState({ spec, inode, descriptor, file, tcp }: SavedListener): ListenerState {
  const isNamed = spec.address.type !== 'unix' || file?.name === spec.address.path;
  const isSteeredTo = tcp === null || (tcp.isSteeredTo && !tcp.isRefusing);
  return { spec, inode, isPublic: isNamed && isSteeredTo, isLost: descriptor === null, isForeign: false };
}

/** Says yes to everything and does nothing. */
function idleKeeper(world: World): Keeper {
  const answers: { readonly [N in RequestName]?: Answer<N> } = {
    hello: world,
    settle: { heldBy: null, found: null },
    listen: { results: [] },
  };
  return {
    post: () => {},
    ask: <N extends RequestName>(name: N): Promise<Answer<N>> =>
      Promise.resolve((answers[name] ?? null) as Answer<N>),
  };
}
