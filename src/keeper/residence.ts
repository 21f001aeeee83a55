/**
 * Where a keeper lives: the run directory with what tells others that it is taken (the locked pid file) and what they
 * would have to know to go on in its place (the state file).
 */
import { removeStale } from '../os/listener.ts';
import type { Passed } from './handover/inheritance.ts';
import type { KeeperState } from './handover/state.ts';
import { StateFile } from './handover/state-file.ts';
import { makeRunDir, PidFile } from './pid-file.ts';
import type { Ask } from './protocol.ts';
import { emptySpawned, removeSpawned } from './spawned.ts';

export interface ResidencePorts {
  readonly state: () => KeeperState;
  readonly warn: (text: string) => void;
}

export class Residence {
  readonly #ports: ResidencePorts;
  #settled: Ask<'settle'> | null = null;
  #pidFile: PidFile | null = null;
  #stateFile: StateFile | null = null;

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

  get passed(): Passed['pidFile'] {
    return this.#pidFile?.passed ?? null;
  }

  /** Takes the place, or what was removed of it, anew. @returns the pid of whoever else has it; null: it is ours */
  take(wanted: Ask<'settle'>): number | null {
    makeRunDir(wanted.runDir);
    const heldBy = this.#takePidFile(wanted.pidFile);
    if (heldBy === null) this.#settled = wanted;
    return heldBy;
  }

  /** Goes on as before an upgrade. */
  resume(settled: Ask<'settle'> | null, pidFile: Passed['pidFile']): void {
    this.#settled = settled;
    this.#pidFile = pidFile === null ? null : PidFile.inherited(pidFile);
    if (settled !== null) this.keepState();
  }

  /** From now on whoever comes after us finds what we know. */
  keepState(): void {
    if (this.#settled === null) return;
    this.#stateFile = new StateFile(this.#settled.runDir, this.#ports.state, this.#ports.warn);
    this.#stateFile.changed();
  }

  /** The keeper knows something else than before. */
  changed(): void {
    this.#stateFile?.changed();
  }

  /** That is written by now, where it can be. */
  async written(): Promise<void> {
    await this.#stateFile?.written();
  }

  /** The end: nobody is to go on. @param isAlone no supervisor is left, which would remove its control socket */
  async clear(isAlone: boolean): Promise<void> {
    if (isAlone && this.#settled !== null) removeStale(this.#settled.controlSocket);
    await this.#stateFile?.remove();
  }

  /** The very last: nobody else may take the place before what is ours is gone from it. */
  leave(): void {
    const runDir = this.#settled?.runDir;
    const isSpawned = runDir !== undefined && emptySpawned(runDir, this.#pidFile?.path ?? null);
    this.#pidFile?.release();
    if (isSpawned) removeSpawned(runDir);
  }

  /** Where it was removed it is taken anew. @returns the pid of whoever else has it */
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
