/** Reads the configuration and checks it against the system: for start and reload what `fpm-ts check` is for the shell. */
import { checkSystem } from '../config/check/check.ts';
import { loadConfig } from '../config/load.ts';
import { hasErrors, type Problem, partOf, toFpmError } from '../config/problems.ts';
import type { Sources } from '../config/sources.ts';
import type { GlobalConfig } from '../config/types.ts';
import type { Part } from '../errors.ts';
import type { Ask } from '../keeper/protocol.ts';
import type { Globals } from './global-settings.ts';

export interface Loaded {
  readonly config: GlobalConfig;
  readonly sources: Sources;
  /** What is worth saying and changes nothing. */
  readonly notices: readonly Part[];
}

/** @throws {FpmError} with every error of the files, one a line */
export function readConfiguration(file: string | null): Loaded {
  const { config, problems, sources } = loadConfig({ file, env: process.env, uid: process.getuid?.() ?? 0 });
  if (config === null || hasErrors(problems)) throw toFpmError(problems);
  return { config, sources, notices: noticesOf(problems) };
}

/** Where a reload or a takeover reads what it is to bring about. */
export interface Configuration {
  /** @throws {FpmError} with every error of the files, one a line */
  read(): Loaded;
  /** As `checkAgainstSystem`. */
  check(loaded: Loaded, own: readonly string[]): Promise<readonly Part[]>;
}

/** The files, beneath the one that is named. @param inheritedSockets as for `checkAgainstSystem` */
export function configurationOf(file: string | null, inheritedSockets: readonly string[]): Configuration {
  return {
    read: () => readConfiguration(file),
    check: (loaded, own) => checkAgainstSystem(loaded, own, inheritedSockets),
  };
}

/** What the keeper has to know of it. */
export function residenceOf({ runDir, pidFile, log, control }: Globals): Ask<'settle'> {
  return { runDir, pidFile, log, controlSocket: control.socket };
}

/**
 * @param own the addresses that we hold ourselves: they are not taken
 * @param inheritedSockets names of the sockets that the service manager passed to the keeper
 * @returns notices
 * @throws {FpmError} with everything that the system does not have as the configuration says
 */
export async function checkAgainstSystem(
  loaded: Loaded,
  own: readonly string[],
  inheritedSockets: readonly string[],
): Promise<readonly Part[]> {
  const { problems } = await checkSystem(loaded.config, loaded.sources, {
    ownAddresses: new Set(own),
    inheritedSockets: new Set(inheritedSockets),
  });
  if (hasErrors(problems)) throw toFpmError(problems);
  return noticesOf(problems);
}

function noticesOf(problems: readonly Problem[]): Part[] {
  return problems.filter(({ severity }) => severity === 'notice').map(partOf);
}
