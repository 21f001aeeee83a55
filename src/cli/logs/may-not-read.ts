/** What a user hears who may not read a log: whose it is, and what would help. */
import { type Stats, statSync } from 'node:fs';
import { FpmError } from '../../errors.ts';
import { lookupGroup, lookupUser } from '../../os/users.ts';

const GROUP_READS = 0o040;
const ALL = 0o7777;

export function mayNotRead(file: string): FpmError {
  const me = nameOf(lookupUser, process.geteuid?.() ?? 0);
  const stat = ownerOf(file);
  if (stat === null) {
    const text = `user ${me} may not enter the directory of the log ${file}: run this as root`;
    return new FpmError('NOT_ALLOWED', text);
  }
  const mode = (stat.mode & ALL).toString(8).padStart(4, '0');
  const owner = nameOf(lookupUser, stat.uid);
  const group = nameOf(lookupGroup, stat.gid);
  const asGroup =
    (stat.mode & GROUP_READS) !== 0 && stat.gid !== 0 ? `, or as a member of group ${group}` : '';
  return new FpmError(
    'NOT_ALLOWED',
    `user ${me} may not read the log ${file} (it belongs to ${owner}:${group}, mode ${mode}): run this as ${owner === 'root' ? 'root' : `root or ${owner}`}${asGroup}`,
  );
}

/** null: a directory on the way cannot be entered. */
function ownerOf(file: string): Stats | null {
  try {
    return statSync(file);
  } catch {
    return null;
  }
}

function nameOf(lookup: (id: string) => { readonly name: string | null } | null, id: number): string {
  return lookup(String(id))?.name ?? String(id);
}
