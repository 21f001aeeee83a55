/**
 * Signals that say less than they seem to. The end of the terminal comes as SIGHUP, as a reload does; it is a stop
 * for whoever runs in the terminal's foreground. And npm passes Ctrl-C on to its child, which the terminal has told
 * already: a second one would be "now".
 */
import { hasTerminal, isInForeground } from '../os/terminal.ts';

/** The kernel signals first and takes the terminal away after that (drivers/tty/tty_jobctrl.c). */
const HANG_UP_MS = 100;
/** How much later the signal that npm passes on may come. */
const ECHO_MS = 500;

export class Signals {
  readonly #act: (signal: NodeJS.Signals) => void;
  readonly #isInForeground: boolean = isInForeground();
  readonly #isUnderNpm: boolean = process.env.npm_lifecycle_event !== undefined;
  #isHungUp = false;
  #interruptedAtMs = Number.NEGATIVE_INFINITY;

  /** @param act is called with what is meant: SIGTERM where the terminal is gone */
  constructor(act: (signal: NodeJS.Signals) => void) {
    this.#act = act;
  }

  came(signal: NodeJS.Signals): void {
    if (signal === 'SIGHUP' && this.#isInForeground) setTimeout(() => this.#hungUp(), HANG_UP_MS);
    else if (signal !== 'SIGINT' || !this.#isEcho()) this.#act(signal);
  }

  #hungUp(): void {
    if (hasTerminal()) this.#act('SIGHUP');
    else if (!this.#isHungUp) {
      this.#isHungUp = true; // shell and kernel both signal
      this.#act('SIGTERM');
    }
  }

  #isEcho(): boolean {
    const now = performance.now();
    const isEcho = this.#isUnderNpm && now - this.#interruptedAtMs < ECHO_MS;
    this.#interruptedAtMs = now;
    return isEcho;
  }
}
