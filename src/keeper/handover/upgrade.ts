/**
 * The keeper becomes the program that is installed now: execve(2) keeps pid, children and descriptors, and
 * a document in memory says what they are. First that program is tried out as a child; until the very last step,
 * whatever fails, the old one goes on.
 */
import { closeSync } from 'node:fs';
import { ownEnvironment } from '../../os/environment.ts';
import { become, memoryFile } from '../../os/execve.ts';
import type { Poller } from '../../os/poller.ts';
import { descriptorsIn, type Inheritance } from './inheritance.ts';
import { type InstalledProgram, type Trial, tryOut } from './trial.ts';

/** How long the last words of the supervisor may take to be read, once it has ended. */
const LAST_WORDS_MS = 500;

export interface UpgradePorts {
  readonly program: InstalledProgram;
  readonly poller: Poller;
  /** Variables that no other child of ours may see. */
  readonly ownVariables: () => Readonly<Record<string, string>>;
  readonly endSupervisor: () => Promise<void>;
  /** What there is at this moment. */
  readonly inheritance: () => Inheritance;
  /** Why there must be none now; null: nothing is in the way. */
  readonly obstacle: () => string | null;
  /** The supervisor has ended: its last words are read. */
  readonly isSupervisorHeard: () => boolean;
  /** What there is at this moment has been left for whoever comes after us, where it can be. */
  readonly written: () => Promise<void>;
  /** The last thing before the end of this program; nothing may be put off any more. */
  readonly leave: () => void;
  /** It did not come to that: everything goes on, and the supervisor is to be started. */
  readonly stay: (reason: string) => void;
}

export class Upgrade {
  readonly #ports: UpgradePorts;
  #trial: Trial | null = null;
  #isUnderWay = false;

  constructor(ports: UpgradePorts) {
    this.#ports = ports;
  }

  /** The supervisor is ended for it, or was. */
  get isUnderWay(): boolean {
    return this.#isUnderWay;
  }

  /** A child of ours that is no worker; null: there is none. */
  get trialPid(): number | null {
    return this.#trial?.pid() ?? null;
  }

  /**
   * Whether it would work. Who asks during a trial gets the result of that.
   * @returns the version that is installed
   * @throws {Error} why it cannot go on in our place
   */
  async tryOut(): Promise<string> {
    const { program, poller, inheritance } = this.#ports;
    this.#trial ??= tryOut(program, JSON.stringify(inheritance()), poller);
    try {
      return await this.#trial.version;
    } finally {
      this.#trial = null;
    }
  }

  /** Ends the supervisor and becomes the installed program: nothing comes back. @throws {Error} what is in the way */
  async replace(): Promise<void> {
    const { endSupervisor, obstacle, stay, written } = this.#ports;
    if (this.#isUnderWay) throw new Error('an upgrade is under way already');
    const before = obstacle();
    if (before !== null) throw new Error(before);
    this.#isUnderWay = true;
    await endSupervisor();
    await this.#lastWords();
    await written(); // execve(2) ends the thread that writes, and a signal may end what we become before it writes anew
    const reason = obstacle() ?? this.#become();
    this.#isUnderWay = false;
    stay(reason);
  }

  /** What has come by now is handled by this program: signals, ends of workers, what was written. */
  async #lastWords(): Promise<void> {
    const endMs = performance.now() + LAST_WORDS_MS;
    do await new Promise(resolve => setTimeout(resolve, 1));
    while (!this.#ports.isSupervisorHeard() && performance.now() < endMs);
  }

  /** @returns why the kernel did not do it */
  #become(): string {
    const { program, inheritance, leave, ownVariables } = this.#ports;
    const { node, entry, options } = program;
    let descriptor: number | null = null;
    try {
      leave();
      const left = inheritance();
      descriptor = memoryFile('fpm-ts state', JSON.stringify(left));
      return become({
        path: node[0],
        argv: [...node, entry, 'keeper', '--resume', String(descriptor), ...options],
        env: { ...ownEnvironment(), ...ownVariables() },
        descriptors: [...descriptorsIn(left), descriptor],
      });
    } catch (error) {
      if (descriptor !== null) closeSync(descriptor);
      return error instanceof Error ? error.message : String(error);
    }
  }
}
