/**
 * Where a keeper lives: the run directory with what tells others that it is taken (the lock and the pid file) and what
 * they would have to know to go on in its place (the journal).
 */
import { removeStale } from '../os/listener.ts';
import type { Passed } from './handover/inheritance.ts';
import { type EntryKey, Journal, type JournalPorts } from './handover/journal.ts';
import { makeRunDir, PidFile } from './pid-file.ts';
import type { Ask } from './protocol.ts';
import { RunLock } from './run-lock.ts';
import { emptySpawned, removeSpawned } from './spawned.ts';

export interface ResidencePorts {
  /** What there is to be known. */
  readonly state: Pick<JournalPorts, 'keys' | 'entry'>;
  readonly warn: (text: string) => void;
}

export class Residence {
  readonly #ports: ResidencePorts;
  #settled: Ask<'settle'> | null = null;
  #lock: RunLock | null = null;
  #pidFile: PidFile | null = null;
  #journal: Journal | null = null;

  constructor(ports: ResidencePorts) {
    this.#ports = ports;
  }

  /** What the supervisor has settled; null: it has not come so far. */
  get settled(): Ask<'settle'> | null {
    return this.#settled;
  }

  /** The pid file is ours. */
  get isTaken(): boolean {
    return this.#pidFile !== null;
  }

  get passed(): Pick<Passed, 'lock' | 'pidFile'> {
    return { lock: this.#lock?.passed ?? null, pidFile: this.#pidFile?.passed ?? null };
  }

  /** Takes the place, or what was removed of it, anew. @returns the pid of whoever else has it; null: it is ours */
  take(wanted: Ask<'settle'>): number | null {
    makeRunDir(wanted.runDir);
    const heldBy = this.#takeLock(wanted.runDir) ?? this.#takePidFile(wanted.pidFile);
    if (heldBy === null) this.#settled = wanted;
    return heldBy;
  }

  /** Goes on as before an upgrade; one from a version without the lock takes it with the next `take`. */
  resume(settled: Ask<'settle'> | null, { lock, pidFile }: Pick<Passed, 'lock' | 'pidFile'>): void {
    this.#settled = settled;
    this.#lock = lock === null || lock === undefined ? null : new RunLock(lock);
    this.#pidFile = pidFile === null ? null : new PidFile(pidFile);
    if (settled !== null) this.keepState();
  }

  /** From now on whoever comes after us finds what we know. */
  keepState(): void {
    if (this.#settled === null) return;
    const { state, warn: failed } = this.#ports;
    this.#journal = new Journal(this.#settled.runDir, { ...state, failed });
    this.#journal.changed('keeper');
  }

  /** The keeper knows something else than before. */
  changed(key: EntryKey): void {
    this.#journal?.changed(key);
  }

  /** What has changed is written by now, where it can be. @param key only this; null: all */
  async written(key: EntryKey | null = null): Promise<void> {
    await this.#journal?.written(key);
  }

  /**
   * The end.
   * @param isAlone no supervisor is left, which would remove its control socket
   * @param isLeft something still runs, for the next keeper to find
   */
  async clear(isAlone: boolean, isLeft: boolean): Promise<void> {
    if (isAlone && this.#settled !== null) removeStale(this.#settled.controlSocket);
    if (isLeft) await this.#journal?.written();
    else await this.#journal?.remove();
  }

  /** After `clear`: nobody else may take the place before what is ours is gone from it. */
  leave(): void {
    const runDir = this.#settled?.runDir;
    const signs = [this.#lock?.path, this.#pidFile?.path];
    const isSpawned = runDir !== undefined && emptySpawned(runDir, signs);
    this.#pidFile?.release();
    this.#lock?.release();
    if (isSpawned) removeSpawned(runDir);
  }

  /** Where it was removed it is taken anew. @returns the pid of whoever else has it */
  #takeLock(runDir: string): number | null {
    if (this.#lock?.isInPlace() === true) return null;
    const taken = RunLock.take(this.#settled?.runDir ?? runDir);
    if (!(taken instanceof RunLock)) return taken.heldBy;
    this.#lock?.release();
    this.#lock = taken;
    return null;
  }

  /** As the lock. */
  #takePidFile(wanted: string): number | null {
    const before = this.#pidFile;
    if (before?.isInPlace() === true) return null;
    const taken = PidFile.take(before?.path ?? wanted);
    if (!(taken instanceof PidFile)) return taken.heldBy;
    before?.release();
    this.#pidFile = taken;
    if (before !== null) this.#ports.warn(`the pid file ${taken.path} was gone: it is there again`);
    return null;
  }
}
