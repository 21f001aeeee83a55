/**
 * Follows a path as somebody else would, component by component, symbolic links included, and inside a jail as
 * from inside: what access(2) answers only for ourselves, and without saying where the way ends.
 */
import { lstatSync, readlinkSync, type Stats, statSync } from 'node:fs';
import { join } from 'node:path';
import { readAcl } from '../../os/acl.ts';
import { mayOthersReplace } from '../../os/exchange.ts';
import { type Actor, EXECUTE, permits } from './permission.ts';

/** path_resolution(7): the kernel follows no more links than this. */
const LINKS_MAX = 40;
/** More than any honest way has; links that a pool's user makes could lead through millions. */
const DIRECTORIES_MAX = 256;

export type Walk = (
  | { readonly found: true /** On the host, without links. */; readonly path: string; readonly stat: Stats }
  | {
      readonly found: false;
      readonly why: 'missing' | 'no directory' | 'closed' | 'loop' | 'too far' | 'unseen';
      /** The component where the way ends, on the host. */
      readonly at: string;
      readonly stat: Stats | null;
    }
) & {
  /** The first link on the way that others than root may have put there; null: none. For others than root always. */
  readonly link: string | null;
};

/**
 * @param path absolute, as `actor` says it
 * @param root where `/` is for `actor`; on the host. It may itself be a link
 */
export function walk(path: string, actor: Actor, root = '/'): Walk {
  const ahead = split(path);
  const behind: string[] = [];
  let links = 0;
  let link: string | null = null;
  let isOthers = false;
  /** The directory in which `here` has its name; null: that has been seen before. */
  let parent: { readonly path: string; readonly stat: Stats } | null = null;
  for (let left = DIRECTORIES_MAX; ; left--) {
    const here = join(root, ...behind);
    const stat = behind.length === 0 ? look(here, statSync) : look(here, lstatSync);
    if (!(stat instanceof Object)) return { found: false, why: stat, at: here, stat: null, link };
    isOthers ||= parent !== null && mayOthersReplace(parent.path, parent.stat, stat);
    parent = null;
    if (stat.isSymbolicLink() && behind.length > 0) {
      if (isOthers && process.geteuid?.() === 0) link ??= here;
      if (++links > LINKS_MAX) return { found: false, why: 'loop', at: here, stat, link };
      const target = linkTarget(here);
      if (target === null) return { found: false, why: 'unseen', at: here, stat, link };
      if (left === 0) return { found: false, why: 'too far', at: here, stat, link };
      if (target.startsWith('/')) behind.length = 0;
      else behind.pop();
      ahead.unshift(...split(target));
      continue;
    }
    const next = ahead.shift();
    if (next === undefined) return { found: true, path: here, stat, link };
    if (left === 0) return { found: false, why: 'too far', at: here, stat, link };
    if (!stat.isDirectory()) return { found: false, why: 'no directory', at: here, stat, link };
    const mayEnter = may(actor, here, stat, EXECUTE);
    if (mayEnter !== true)
      return { found: false, why: mayEnter === null ? 'unseen' : 'closed', at: here, stat, link };
    if (next === '..') behind.pop();
    else {
      behind.push(next);
      parent = { path: here, stat };
    }
  }
}

/** Whether `actor` may; null when we cannot read the access list that decides it. */
export function may(actor: Actor, path: string, stat: Stats, wanted: number): boolean | null {
  try {
    return permits(actor, stat, readAcl(path), wanted);
  } catch {
    return null;
  }
}

/** null: it has just been exchanged, or we may not. */
function linkTarget(path: string): string | null {
  try {
    return readlinkSync(path);
  } catch {
    return null;
  }
}

function split(path: string): string[] {
  return path.split('/').filter(part => part !== '' && part !== '.');
}

function look(path: string, ask: typeof lstatSync): Stats | 'missing' | 'unseen' {
  try {
    return ask(path, { throwIfNoEntry: false }) ?? 'missing';
  } catch (error) {
    // ENOTDIR cannot be: the parent was a directory a moment ago. What is left is that we may not look.
    return error instanceof Error && 'code' in error && error.code === 'ENOENT' ? 'missing' : 'unseen';
  }
}
