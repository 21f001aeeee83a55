/**
 * Who may change what root is told to do. A pool file says as whom its workers run, root included: somebody else who
 * may write it, or put another one in its place, is as good as root. sudo and cron refuse such files whoever it is; here
 * the administrator may have wanted it, such as in a clone of his own, unless it is everybody or a pool's user.
 */
import { type Stats, statSync } from 'node:fs';
import { exchangersOf, type Writers, wayTo, writersOfFile } from '../../os/exchange.ts';
import { lookupGroup, lookupUser, supplementaryGroups } from '../../os/users.ts';
import { type Problem, problem } from '../problems.ts';
import type { GlobalConfig } from '../types.ts';
import type { Self } from './self.ts';

/** Others choose what is there: root must not give it away, nor what is on the way. */
const ELSEWHERE = 'write it anew in a directory that only root may write, as all directories above it';

/** @param files fpm-ts.toml, pool files and what they extend */
export function checkTrust(files: readonly string[], config: GlobalConfig, self: Self): Problem[] {
  if (self.uid !== 0 || !self.isThisProcess) return [];
  const trusted = new Map<string, string[]>();
  const problems: Problem[] = [];
  for (const file of files) {
    const writers = writersOf(file);
    const stranger = writers.isEverybody ? 'everybody' : poolUserAmong(writers, config);
    const who = describe(writers);
    if (stranger !== null) problems.push(refused(file, stranger));
    else if (who !== '') trusted.set(who, [...(trusted.get(who) ?? []), file]);
  }
  return [...problems, ...[...trusted].map(([who, of]) => noticed(of, who))];
}

function refused(file: string, who: string): Problem {
  const message = `${who} may change this file or put another one in its place, and so start programs as root`;
  const forPoolUser = 'the user of a pool, or everybody, may change this file, and so start programs as root';
  return problem('CONFIG_SYSTEM', { file }, message, { remedy: remedyFor(file), forPoolUser });
}

function noticed([file = '', ...others]: readonly string[], who: string): Problem {
  const more = others.length === 0 ? 'this file' : `this file and ${others.length} more`;
  const message = `${who} may change ${more}, and so start programs as root`;
  const remedy = `if that is not intended: ${remedyFor(file)}`;
  return problem('CONFIG_SYSTEM', { file }, message, { remedy }, 'notice');
}

function remedyFor(file: string): string {
  return exchangersOf(file) === 'nobody' ? `chown root ${file}; chmod go-w ${file}` : ELSEWHERE;
}

function writersOf(file: string): Pick<Writers, 'uids' | 'gids' | 'isEverybody'> {
  const way = wayTo(file);
  const stat = look(file);
  const own = stat === null ? null : writersOfFile(file, stat);
  return {
    uids: new Set([...way.uids, ...(own?.uids ?? [])]),
    gids: new Set([...way.gids, ...(own?.gids ?? [])]),
    isEverybody: way.isEverybody || own?.isEverybody === true,
  };
}

/** In words; null: none of them is one that a pool runs as. */
function poolUserAmong({ uids, gids }: Writers, { pools }: GlobalConfig): string | null {
  if (uids.size + gids.size === 0) return null;
  for (const { name, user: userName = '' } of pools) {
    const user = lookupUser(userName);
    if (user === null || user.uid === 0) continue;
    const groups = gids.size === 0 || user.gid === null ? [] : supplementaryGroups(user, user.gid);
    if (uids.has(user.uid) || groups.some(gid => gids.has(gid)))
      return `${userName}, as whom pool ${name} runs,`;
  }
  return null;
}

function describe({ uids, gids }: Writers): string {
  const users = [...uids].map(uid => lookupUser(String(uid))?.name ?? `uid ${uid}`);
  const groups = [...gids].map(gid => `the group ${lookupGroup(String(gid))?.name ?? gid}`);
  return [...users, ...groups].sort().join(' and ');
}

function look(file: string): Stats | null {
  try {
    return statSync(file);
  } catch {
    return null;
  }
}
