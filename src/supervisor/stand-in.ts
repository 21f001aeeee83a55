/** What the keeper needs to know of the pools to answer in our place, should no supervisor stay alive. */
import type { StandInNote } from '../keeper/notes.ts';
import { lookupGroup, lookupUser } from '../os/users.ts';
import { isWanted, type PoolState } from '../pool/state.ts';
import type { Globals } from './settings.ts';

export function standInNote({ control }: Globals, pools: readonly PoolState[]): StandInNote {
  return {
    controlGid: control.group === '' ? null : (lookupGroup(control.group)?.gid ?? null),
    pools: pools
      .map(state => ({ config: state.config, isWanted: isWanted(state) }))
      .map(({ config, isWanted: wanted }) => ({
        name: config.name,
        uid: config.user === undefined ? null : (lookupUser(config.user)?.uid ?? null),
        isWanted: wanted,
        protocol: config.protocol,
        dispatch: config.dispatch,
        pm: { mode: config.pm.mode, max_children: config.pm.maxChildren },
        address: config.listen.text,
      }))
      .sort((a, b) => (a.name < b.name ? -1 : 1)),
  };
}
