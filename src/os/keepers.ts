/**
 * Keepers of fpm-ts on this machine, known by the name that each gives itself, and by its user: anybody can take that
 * name, and only root's and our own are believed.
 */
import { statSync } from 'node:fs';
import { allPids, read, readHead, readStat } from './proc.ts';

/** At most 15 bytes: all that the kernel keeps of a name. */
export const KEEPER_TITLE = 'fpm-ts: keeper';

/** Of its supervisor; the kernel keeps the first 15 bytes. */
export const SUPERVISOR_TITLE = 'fpm-ts: supervisor';

/** The keeper that a process is, or the child of; null when it has nothing to do with one. */
export function keeperOf(pid: number): number | null {
  if (isKeeper(pid)) return pid;
  const parent = readStat(pid)?.parent;
  return parent !== undefined && isKeeper(parent) ? parent : null;
}

/** The configuration that a keeper names in its title; null where there was no room for it. */
export function configFileOf(keeper: number): string | null {
  const title = (readHead(`/proc/${keeper}/cmdline`) ?? '').split('\0', 1)[0] ?? '';
  return /^.*? \((\/.*)\)\s*$/.exec(title)?.[1] ?? null;
}

/** One that runs with that configuration, an absolute path; null: none that says so. */
export function keeperFor(configFile: string): number | null {
  const owner = statSync(configFile, { throwIfNoEntry: false })?.uid ?? null;
  return keepers(owner).find(pid => configFileOf(pid) === configFile) ?? null;
}

/** All that run now. @param alsoOf another user who is believed */
export function keepers(alsoOf: number | null = null): number[] {
  return allPids().filter(pid => isKeeper(pid, alsoOf));
}

/**
 * One that has ended keeps its name until its parent has reaped it, which in a container may be never.
 * @param alsoOf another user who is believed
 */
export function isKeeper(pid: number, alsoOf: number | null = null): boolean {
  if (read(`/proc/${pid}/comm`)?.trimEnd() !== KEEPER_TITLE || readStat(pid)?.state === 'Z') return false;
  const uid = soleUidOf(pid);
  return uid !== null && [0, process.geteuid?.(), alsoOf].includes(uid);
}

/**
 * The user of a process; null: it has ended, or several count for it. A program with the set-user-ID bit, which
 * anybody may start under any name, has another real user than an effective one.
 */
export function soleUidOf(pid: number): number | null {
  const ids = /^Uid:\s+(\d+)\s+(\d+)\s+(\d+)/m.exec(read(`/proc/${pid}/status`) ?? '')?.slice(1);
  return ids !== undefined && new Set(ids).size === 1 ? Number(ids[0]) : null;
}
