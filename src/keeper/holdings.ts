/** All that a keeper holds: listeners, workers, and the notes of supervisors; as it is told to them, and as it is left. */
import { dateOf, nowMs } from '../os/clock.ts';
import { bootId } from '../os/proc.ts';
import { VERSION } from '../version.ts';
import type { EntryKey } from './handover/journal.ts';
import {
  type DescriptorSource,
  identityOf,
  type KeeperState,
  STATE_SCHEMA,
  type StateHead,
} from './handover/state.ts';
import type { Listeners } from './listeners/listeners.ts';
import type { Ask, World } from './protocol.ts';
import type { Workers } from './workers/workers.ts';

export class Holdings {
  readonly listeners: Listeners;
  readonly workers: Workers;
  readonly #notes = new Map<string, string>();
  readonly #changed: (key: EntryKey) => void;
  readonly startedAtMs: number;
  /** ISO 8601: what the wall clock said at the start. */
  readonly startedAt: string;

  /**
   * @param changed is called with what is not any more as it was
   * @param started when this process was started, where it has been another program before; null: now
   */
  constructor(
    listeners: Listeners,
    workers: Workers,
    changed: (key: EntryKey) => void,
    started: { readonly atMs: number; readonly at: string } | null,
  ) {
    this.listeners = listeners;
    this.workers = workers;
    this.#changed = changed;
    this.startedAtMs = started?.atMs ?? nowMs();
    this.startedAt = started?.at ?? dateOf(this.startedAtMs).toISOString();
  }

  /** What supervisors leave for those that come after them. */
  get notes(): ReadonlyMap<string, string> {
    return this.#notes;
  }

  /** @param text null: it is not needed any more */
  note(name: string, text: string | null): void {
    if (text === null) this.#notes.delete(name);
    else this.#notes.set(name, text);
    this.#changed(`note:${name}`);
  }

  get world(): World {
    return {
      keeperPid: process.pid,
      startedAtMs: this.startedAtMs,
      startedAt: this.startedAt,
      listeners: this.listeners.states,
      inheritedSockets: this.listeners.inheritedNames,
      workers: this.workers.states,
      notes: Object.fromEntries(this.#notes),
    };
  }

  /** For the program or the keeper that continues in our place. */
  state(supervisor: number | null, settled: Ask<'settle'> | null): KeeperState {
    return {
      ...this.head(supervisor, settled),
      listeners: this.listeners.saved,
      workers: this.workers.saved,
      notes: Object.fromEntries(this.#notes),
    };
  }

  /** The state but for what comes and goes. */
  head(supervisor: number | null, settled: Ask<'settle'> | null): StateHead {
    return {
      schema: STATE_SCHEMA,
      version: VERSION,
      bootId: bootId(),
      keeper: identityOf(process.pid),
      supervisor: supervisor === null ? null : identityOf(supervisor),
      startedAtMs: this.startedAtMs,
      settled,
      inherited: this.listeners.savedInherited,
    };
  }

  /** What comes and goes, by its names in the journal. */
  get keys(): EntryKey[] {
    return [
      ...this.listeners.ids.map(id => `listener:${id}` as const),
      ...this.workers.pids.map(pid => `worker:${pid}` as const),
      ...[...this.#notes.keys()].map(name => `note:${name}` as const),
    ];
  }

  /** @returns null: it is gone */
  entry(key: EntryKey): unknown {
    const name = key.slice(key.indexOf(':') + 1);
    if (key.startsWith('listener:')) return this.listeners.savedOf(name);
    return key.startsWith('worker:') ? this.workers.savedOf(Number(name)) : (this.#notes.get(name) ?? null);
  }

  /** Goes on with what a state says. */
  restore({ listeners, workers, notes }: KeeperState, source: DescriptorSource): void {
    for (const saved of listeners) this.listeners.restore(saved, source.listener(saved));
    for (const saved of workers) this.workers.restore(saved, source);
    for (const [name, text] of Object.entries(notes)) this.#notes.set(name, text);
  }
}
