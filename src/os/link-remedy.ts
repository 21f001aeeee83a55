/** What to do at the end of a path, where others than root may lead it by a link: an administrator does as he is told. */
import { lstatSync } from 'node:fs';
import { lookupUser } from './users.ts';

/**
 * @param link of others than root, by which the path leads there; null: none
 * @param remedy opens, creates or gives away what is there
 */
export function unlessLed(link: string | null, remedy: string): string {
  if (link === null) return remedy;
  return `the symbolic link ${link}${ownerOf(link)} leads there: correct the link, or ask its owner to`;
}

function ownerOf(link: string): string {
  try {
    const { uid } = lstatSync(link);
    return ` of ${lookupUser(String(uid))?.name ?? `uid ${uid}`}`;
  } catch {
    return ''; // it has just gone
  }
}
