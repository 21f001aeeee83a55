/** The supervisor as the commands of the control socket know it (src/commands/). */
import type { Service } from '../commands/service.ts';
import { reloadFor, statusFor } from '../control/disclosure.ts';
import type { World } from '../keeper/protocol.ts';
import type { ConfigFiles } from './config-files.ts';
import type { Configuration } from './configuration.ts';
import { explanationOf } from './explain.ts';
import type { LastReloadRecord } from './last-reload.ts';
import type { Reloads } from './reload.ts';
import { scale } from './scale-pool.ts';
import { startAnew } from './start-pools.ts';
import { statusOf } from './status.ts';
import { strangersOf } from './strangers.ts';
import type { Supervisor } from './supervisor.ts';
import { takeOver } from './takeover.ts';
import type { Upgrades } from './upgrade.ts';

export interface ServiceParts {
  readonly supervisor: Supervisor;
  readonly world: World;
  readonly configuration: Configuration;
  readonly files: ConfigFiles;
  readonly reloadRecord: LastReloadRecord;
  readonly reloads: Reloads;
  readonly upgrades: Upgrades;
  /** Begins to stop everything. */
  readonly stop: (now: boolean) => void;
  readonly reopenLogs: () => Promise<readonly string[]>;
}

export function controlService(parts: ServiceParts): Service {
  const { supervisor, configuration, files, reloadRecord, reloads, upgrades } = parts;
  const { keeperPid, startedAtMs, startedAt } = parts.world;
  return {
    keeperPid,
    pool: name => supervisor.pool(name),
    status: (wish, { caller }) => {
      const { last, parts: reloadParts } = reloadRecord;
      const facts = {
        keeperPid,
        startedAtMs,
        startedAt,
        isConfigChanged: files.areChanged(caller.mayDoAll ? undefined : caller.ownFiles),
        lastReload: last,
        lastUpgrade: upgrades.last,
      };
      return statusFor(caller, statusOf(supervisor, facts, wish), reloadParts);
    },
    explain: explanationOf,
    reload: async (args, asking) => reloadFor(asking.caller, await reloads.reload(args, asking)),
    start: pool => startAnew(pool, supervisor, configuration),
    stopAll: now => {
      const stopped = [...supervisor.pools.keys()];
      const left = strangersOf([...supervisor.pools.values()].map(({ state }) => state));
      parts.stop(now);
      return { pid: keeperPid, stopped, ...(left.length > 0 && { left }) };
    },
    leftBehind: pools => strangersOf(pools.map(({ state }) => state)),
    scale,
    takeOver: args =>
      takeOver(args, {
        supervisor,
        configuration,
        keeperPid,
        inTurn: (read, work) => reloads.takeOver(args.pool, read, work),
        onTaken: loaded => reloads.noteIfInEffect(loaded),
      }),
    upgrade: isDryRun => upgrades.upgrade(isDryRun),
    reopenLogs: parts.reopenLogs,
  };
}
