/** What the keeper needs to know of the pools to answer in our place, should no supervisor stay alive. */
import type { GlobalConfig } from '../config/types.ts';
import type { StandInNote } from '../keeper/notes.ts';
import { lookupGroup, lookupUser } from '../os/users.ts';
import type { PoolFacts } from '../pool/pool-facts.ts';

export function standInNote({ control }: GlobalConfig, pools: readonly PoolFacts[]): StandInNote {
  return {
    controlGid: control.group === '' ? null : (lookupGroup(control.group)?.gid ?? null),
    pools: pools
      .map(({ name, isWanted, config }) => ({
        name,
        uid: config.user === undefined ? null : (lookupUser(config.user)?.uid ?? null),
        isWanted,
        protocol: config.protocol,
        dispatch: config.dispatch,
        pm: { mode: config.pm.mode, max_children: config.pm.maxChildren },
        address: config.listen.text,
      }))
      .sort((a, b) => (a.name < b.name ? -1 : 1)),
  };
}
