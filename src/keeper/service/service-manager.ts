/**
 * What the service manager is told of us (sd_notify(3)). The keeper tells it, because it is the process that was
 * started (NotifyAccess=main) and is there when the supervisor is not; what it tells is mostly the supervisor's word.
 */

import type { ServicePhase } from '../protocol.ts';
import { Notifier, type ServiceManagerContact } from './notifier.ts';

/** Where a start, a reload or a stop takes long, so much more time is asked for, so often. */
const EXTENSION_MS = 30_000;
const EXTEND_EVERY_MS = 5000;
const LONGEST_STATUS = 500;

export interface ServiceManagerPorts {
  /** Whether more time could help: false where what should use it has got stuck. */
  readonly isAlive: () => boolean;
  /** Nobody can be told, and why. */
  readonly problem: (text: string) => void;
}

export class ServiceManager {
  /** Null: nobody wants to be told anything. */
  readonly contact: ServiceManagerContact | null;
  readonly #ports: ServiceManagerPorts;
  readonly #isInBackground: boolean;
  readonly #notifier: Notifier;
  #phase: ServicePhase = 'starting';
  #status = '';
  #extender: NodeJS.Timeout | undefined;

  /** @param isInBackground it started another process, and must be told who of us stays */
  constructor(contact: ServiceManagerContact | null, isInBackground: boolean, ports: ServiceManagerPorts) {
    this.contact = contact;
    this.#ports = ports;
    this.#isInBackground = isInBackground;
    this.#notifier = new Notifier(contact?.socket ?? null, ports.problem);
    this.#extendUntilRunning();
    const watchdogMs = contact?.watchdogMs ?? null;
    if (watchdogMs !== null) setInterval(() => this.#ping(), watchdogMs / 2).unref();
  }

  /** What the supervisor says of itself. @param status '': as it was */
  report(phase: ServicePhase, status: string): void {
    // A successor brings its pools up, but the service has started; and nothing comes after the stop.
    const isNew = phase !== this.#phase && phase !== 'starting' && this.#phase !== 'stopping';
    if (!isNew) {
      this.say(status);
      return;
    }
    this.#phase = phase;
    if (status !== '') this.#status = lineOf(status);
    this.#notifier.sendSurely([...this.#assignments(phase), `STATUS=${this.#status}`].join('\n'));
    this.#extendUntilRunning();
  }

  /** One line, which `systemctl status` shows. */
  say(status: string): void {
    const line = lineOf(status);
    if (line !== '' && line !== this.#status && this.#notifier.send(`STATUS=${line}`)) this.#status = line;
  }

  /** The reload that it was at is over, and its end is waited for. */
  supervisorDied(status: string): void {
    this.report(this.#phase === 'reloading' ? 'running' : this.#phase, status);
  }

  #assignments(phase: ServicePhase): string[] {
    switch (phase) {
      case 'starting':
        return [];
      case 'running':
        return ['READY=1', ...(this.#isInBackground ? [`MAINPID=${process.pid}`] : [])];
      case 'reloading':
        // CLOCK_MONOTONIC: tells this reload from one before it (systemd.service(5), Type=notify-reload)
        return ['RELOADING=1', `MONOTONIC_USEC=${process.hrtime.bigint() / 1000n}`];
      case 'stopping':
        return ['STOPPING=1'];
    }
  }

  /** Its own limits are for what is stuck, not for what may take as long as our configuration says. */
  #extendUntilRunning(): void {
    clearInterval(this.#extender);
    if (this.#phase === 'running' || this.contact === null) return;
    this.#extender = setInterval(() => {
      if (this.#ports.isAlive()) this.#notifier.send(`EXTEND_TIMEOUT_USEC=${EXTENSION_MS * 1000}`);
    }, EXTEND_EVERY_MS);
  }

  #ping(): void {
    if (this.#ports.isAlive()) this.#notifier.send('WATCHDOG=1');
  }
}

/** A line break would begin another assignment. */
function lineOf(status: string): string {
  const line = status.trim().replaceAll(/\s*[\0\n\r]+\s*/g, '; ');
  return line.length <= LONGEST_STATUS ? line : `${line.slice(0, LONGEST_STATUS)}…`;
}
