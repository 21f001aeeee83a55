/**
 * What a keeper passes on to the program that it becomes in an upgrade (execve(2)): what it would leave if it were
 * killed, and what dies with a keeper otherwise.
 */
import { fstatSync } from 'node:fs';
import type { LogSettings } from '../protocol.ts';
import {
  type DescriptorSource,
  type KeeperState,
  parseState,
  type SavedListener,
  type SavedPipe,
  type SavedWorker,
} from './state.ts';

export interface Passed {
  /** ISO 8601: what the wall clock said when the keeper was started. */
  readonly startedAt: string;
  readonly pidFile: { readonly path: string; readonly descriptor: number } | null;
  /** Of the run directory; an earlier version does not know it. */
  readonly lock?: { readonly path: string; readonly descriptor: number } | null;
  /** To whoever started us in the background and still waits. */
  readonly announceDescriptor: number | null;
  readonly isInBackground: boolean;
  readonly ownLog: string | null;
  readonly logSettings: LogSettings | null;
  /** By the log's file, what is not written yet, as base64: it may begin in the middle of a line. */
  readonly unwritten: Readonly<Record<string, string>>;
  /** Signals that no supervisor has heard of. */
  readonly signals: readonly NodeJS.Signals[];
  /** The soft limit that children get, a decimal number; null: not known yet. */
  readonly softFileLimit: string | null;
}

export interface Inheritance extends KeeperState {
  readonly passed: Passed;
}

/** @throws {Error} that says what is wrong with it, as a part of a sentence */
export function parseInheritance(text: string): Inheritance {
  const state: KeeperState & { readonly passed?: Partial<Passed> } = parseState(text);
  const { passed } = state;
  if (typeof passed?.startedAt !== 'string' || !Array.isArray(passed.signals)) throw new Error('is damaged');
  return state as Inheritance;
}

/** All that must stay open. */
export function descriptorsIn({ inherited, listeners, workers, passed }: Inheritance): number[] {
  const all = [
    ...inherited.map(it => it.descriptor),
    ...listeners.map(it => it.descriptor),
    ...workers.flatMap(it => [it.stdout?.descriptor, it.stderr?.descriptor]),
    passed.pidFile?.descriptor,
    passed.lock?.descriptor,
    passed.announceDescriptor,
  ];
  return [...new Set(all.filter(it => typeof it === 'number'))];
}

/** They are where they were. What is not what was written down is left alone. */
export const inheritedDescriptors: DescriptorSource = {
  listener: ({ descriptor, inode }: SavedListener) => checked(descriptor, inode),
  pipe: (_worker: SavedWorker, { descriptor, inode }: SavedPipe) => checked(descriptor, inode),
  isMember: () => true, // nobody else can have got the number of a group within the moment of an execve
};

function checked(descriptor: number | null, inode: number): number | null {
  try {
    return descriptor !== null && fstatSync(descriptor).ino === inode ? descriptor : null;
  } catch {
    return null;
  }
}
