/** All that a keeper holds: listeners, workers, and the notes of supervisors; as it is told to them, and as it is left. */
import { dateOf, nowMs } from '../os/clock.ts';
import { bootId } from '../os/proc.ts';
import { VERSION } from '../version.ts';
import { type DescriptorSource, identityOf, type KeeperState, STATE_SCHEMA } from './handover/state.ts';
import type { Listeners } from './listeners/listeners.ts';
import type { Ask, Note, World } from './protocol.ts';
import type { Workers } from './workers/workers.ts';

export class Holdings {
  readonly listeners: Listeners;
  readonly workers: Workers;
  /** What a supervisor leaves for its successor. */
  readonly notes = new Map<string, string>();
  readonly startedAtMs: number;
  /** ISO 8601: what the wall clock said at the start. */
  readonly startedAt: string;

  /** @param started when this process was started, where it has been another program before; null: now */
  constructor(
    listeners: Listeners,
    workers: Workers,
    started: { readonly atMs: number; readonly at: string } | null,
  ) {
    this.listeners = listeners;
    this.workers = workers;
    this.startedAtMs = started?.atMs ?? nowMs();
    this.startedAt = started?.at ?? dateOf(this.startedAtMs).toISOString();
  }

  /** A supervisor leaves something for its successor, or takes it back. */
  note({ name, text }: Note): void {
    if (text === null) this.notes.delete(name);
    else this.notes.set(name, text);
  }

  get world(): World {
    return {
      keeperPid: process.pid,
      startedAtMs: this.startedAtMs,
      startedAt: this.startedAt,
      listeners: this.listeners.states,
      inheritedSockets: this.listeners.inheritedNames,
      workers: this.workers.states,
      notes: Object.fromEntries(this.notes),
    };
  }

  /** For whoever goes on in our place. */
  state(supervisor: number | null, settled: Ask<'settle'> | null): KeeperState {
    return {
      schema: STATE_SCHEMA,
      version: VERSION,
      bootId: bootId(),
      keeper: identityOf(process.pid),
      supervisor: supervisor === null ? null : identityOf(supervisor),
      startedAtMs: this.startedAtMs,
      settled,
      inherited: this.listeners.savedInherited,
      listeners: this.listeners.saved,
      workers: this.workers.saved,
      notes: Object.fromEntries(this.notes),
    };
  }

  /** Goes on with what a state says. */
  restore({ listeners, workers, notes }: KeeperState, source: DescriptorSource): void {
    for (const saved of listeners) this.listeners.restore(saved, source.listener(saved));
    for (const saved of workers) this.workers.restore(saved, source);
    for (const [name, text] of Object.entries(notes)) this.notes.set(name, text);
  }
}
