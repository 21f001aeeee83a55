/**
 * What the env files of a pool say. They may be its user's own: they are read with his rights where he could exchange
 * them, and messages name lines, never contents.
 */
import { NOBODY, rightsFor } from '../os/exchange.ts';
import type { FileUser } from '../os/file-rights.ts';
import { lookupGroup, lookupUser, supplementaryGroups } from '../os/users.ts';
import { parseEnvFile } from './env-file.ts';
import type { ConfigFiles } from './files.ts';
import { type Problem, placeText, problem } from './problems.ts';
import type { Said } from './said.ts';
import { secretNameProblem } from './schema/environment.ts';
import { type KeyPlace, type PlaceMap, placeKey } from './sources.ts';

/** Twice the longest variable that Linux takes: a supervisor holds those of all its pools in memory. */
export const ENV_FILE_MAX_BYTES: number = 256 * 1024;

export interface Secrets {
  readonly variables: Readonly<Record<string, string>>;
  /** Where each of them is set. */
  readonly places: PlaceMap;
  readonly problems: readonly Problem[];
}

export interface PoolUser {
  /** As whom the workers run. */
  readonly user?: string | undefined;
  readonly group?: string | undefined;
}

/** Later files win. `said` is `env_files` as it was said, for the places of its items. */
export function readSecrets(
  paths: readonly string[],
  said: Said | undefined,
  owner: PoolUser,
  files: ConfigFiles,
): Secrets {
  const variables = new Map<string, string>();
  const places = new Map<string, KeyPlace>();
  const problems: Problem[] = [];
  for (const [at, path] of paths.entries()) {
    const place = said?.items[at] ?? said?.place ?? { file: path };
    const text = files.text(
      path,
      { place, key: 'env_files' },
      { rights: rightsFor(path, fileUserOf(owner)), maxBytes: ENV_FILE_MAX_BYTES },
    );
    if (!text.ok) {
      problems.push(text.problem);
      continue;
    }
    const parsed = parseEnvFile(text.value, secretNameProblem);
    for (const it of parsed.mistakes) {
      const where = { file: path, line: it.line, column: 1 };
      const message = `${it.message} (env_files, ${placeText(place)})`;
      const remedy = 'write KEY=VALUE, remove the line, or begin it with # for a comment';
      problems.push(problem('CONFIG_SYNTAX', where, message, { key: 'env_files', remedy }));
    }
    for (const [name, value] of parsed.variables) variables.set(name, value);
    for (const [name, line] of parsed.lines)
      places.set(placeKey('env_files', name), { file: path, line, column: 1, via: 'file' });
  }
  return { variables: Object.fromEntries(variables), places, problems };
}

/** As whom a pool's files are read. Somebody who does not exist has no rights. */
export function fileUserOf({ user: name = '', group }: PoolUser): FileUser {
  const user = lookupUser(name);
  const gid = group === undefined ? user?.gid : lookupGroup(group)?.gid;
  if (user === null || gid === undefined || gid === null) return NOBODY;
  return { uid: user.uid, gid, groups: supplementaryGroups(user, gid) };
}
