/** Reads the configuration and checks it against the system: for start and reload what `fpm-ts check` is for the shell. */
import { checkSystem } from '../config/check/check.ts';
import { loadConfig } from '../config/load.ts';
import {
  hasErrors,
  type Obstacles,
  obstaclesOf,
  type Problem,
  partOf,
  sortProblems,
  toFpmError,
} from '../config/problems.ts';
import type { Sources } from '../config/sources.ts';
import type { GlobalConfig } from '../config/types.ts';
import type { Part } from '../errors.ts';
import type { Left } from '../keeper/handover/left.ts';
import type { Ask } from '../keeper/protocol.ts';
import type { Globals } from './global-settings.ts';

export interface Loaded {
  readonly config: GlobalConfig;
  readonly sources: Sources;
  /** Why single pools cannot be started or reloaded now; of their settings something may be missing. */
  readonly obstacles: Obstacles;
  /** What is worth saying and changes nothing. */
  readonly notices: readonly Part[];
}

/** @throws {FpmError} with every error of the files, one a line */
export function readConfiguration(file: string | null): Loaded {
  const uid = process.getuid?.() ?? 0;
  const { config, problems, obstacles, sources } = loadConfig({ file, env: process.env, uid });
  if (config === null || hasErrors(problems)) throw toFpmError(problems);
  return { config, sources, obstacles, notices: noticesOf(problems) };
}

/** Where a reload or a takeover reads what it is to bring about. */
export interface Configuration {
  /** @throws {FpmError} with every error of the files, one a line */
  read(): Loaded;
  /** As `checkAgainstSystem`. */
  check(loaded: Loaded, wish: CheckWish): Promise<Loaded>;
}

export interface CheckWish {
  /** Addresses that we hold ourselves: they are not taken. */
  readonly own: readonly string[];
  /** Of the last keeper, before it is taken over. */
  readonly left?: Left;
  /** The pools that it is about; undefined: all. */
  readonly pools?: readonly string[] | undefined;
}

/** The files, beneath the one that is named. @param inheritedSockets as for `checkAgainstSystem` */
export function configurationOf(file: string | null, inheritedSockets: readonly string[]): Configuration {
  return {
    read: () => readConfiguration(file),
    check: (loaded, wish) => checkAgainstSystem(loaded, wish, inheritedSockets),
  };
}

/** What the keeper has to know of it. */
export function residenceOf({ runDir, pidFile, log, control }: Globals): Ask<'settle'> {
  return { runDir, pidFile, log, controlSocket: control.socket };
}

/**
 * @param inheritedSockets names of the sockets that the service manager passed to the keeper
 * @returns it with the notices of the system, and with what the system lacks of single pools
 * @throws {FpmError} with everything that is wrong, when some of it concerns all pools
 */
export async function checkAgainstSystem(
  loaded: Loaded,
  { own, left, pools }: CheckWish,
  inheritedSockets: readonly string[],
): Promise<Loaded> {
  const { problems, obstacles } = await checkSystem(loaded.config, loaded.sources, {
    ownAddresses: new Set(own),
    inheritedSockets: new Set(inheritedSockets),
    ...(left !== undefined && { left }),
    ...(pools !== undefined && { pools: new Set(pools) }),
  });
  const all = obstaclesOf([...loaded.obstacles, ...obstacles]);
  if (hasErrors(problems)) throw toFpmError(sortProblems([...problems, ...[...all.values()].flat()]));
  return { ...loaded, notices: [...loaded.notices, ...noticesOf(problems)], obstacles: all };
}

function noticesOf(problems: readonly Problem[]): Part[] {
  return problems.filter(({ severity }) => severity === 'notice').map(partOf);
}
