/** Keepers of fpm-ts on this machine, known by the name that each gives itself. */
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
  return keepers().find(pid => configFileOf(pid) === configFile) ?? null;
}

/** All that run now. */
export function keepers(): number[] {
  return allPids().filter(isKeeper);
}

/** One that has ended keeps its name until its parent has reaped it, which in a container may be never. */
export function isKeeper(pid: number): boolean {
  return read(`/proc/${pid}/comm`)?.trimEnd() === KEEPER_TITLE && readStat(pid)?.state !== 'Z';
}
