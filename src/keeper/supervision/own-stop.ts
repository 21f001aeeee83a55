/**
 * A stop that was asked for happens, also when the supervisor does not do it because it hangs or cannot be
 * started: then the keeper ends the workers itself, each with its stop signal and its time, and goes. A second
 * signal does not wait for anybody.
 */

import type { Workers } from '../workers/workers.ts';
import type { SupervisorProcess } from './supervisor-process.ts';

/** How long the supervisor, or its successor, may take to say that it is stopping. */
const TAKE_MS = 5000;
/**
 * How long a stop waits for what a killed keeper has left to be found: only the supervisor knows where to look, and it
 * must be loaded first. The keeper cannot end workers that it does not know.
 */
const FIND_MS = 60_000;
/** How long it may take beyond the time of its slowest worker: to kill, to wait for what was killed, to close. */
const SPARE_MS = 5000;
/** How long it may take to finish when all workers were killed: it has files of its own to remove. */
const FINISH_MS = 1000;
/** How long what was killed may take to be gone; something that hangs in the kernel cannot be waited for. */
const KILL_MS = 5000;

export interface OwnStopPorts {
  /** What an earlier keeper may have left is found by now. */
  readonly isSettled: () => boolean;
  readonly workers: Workers;
  readonly supervisor: SupervisorProcess;
  readonly say: (text: string, isAskedFor?: boolean) => void;
  /** Everything is gone, or (false) something cannot be killed. */
  readonly ended: (isDone: boolean) => void;
}

export class OwnStop {
  readonly #ports: OwnStopPorts;
  #isAskedFor = false;
  #isTaken = false;
  #isHurried = false;
  /** Nothing is to be waited for: everything is killed. */
  #isNow = false;
  #isUnderWay = false;
  #timer: NodeJS.Timeout | undefined;

  constructor(ports: OwnStopPorts) {
    this.#ports = ports;
  }

  /** The keeper does it: there is no supervisor any more, and nothing is started. */
  get isUnderWay(): boolean {
    return this.#isUnderWay;
  }

  /** A stop was asked for, of whomever. */
  get isAskedFor(): boolean {
    return this.#isAskedFor;
  }

  /** A signal that means stop. */
  signalled(): void {
    if (this.#isAskedFor) {
      this.#hurry();
      return;
    }
    this.#isAskedFor = true;
    if (this.#ports.isSettled()) this.#waitToBeTaken();
    else this.#waitForSettled(FIND_MS);
  }

  /** What an earlier keeper has left is known from now on, and is to be stopped as well. */
  settled(): void {
    if (!this.#isAskedFor || this.#isUnderWay || this.#isTaken) return;
    if (!this.#isHurried) {
      this.#waitToBeTaken();
      return;
    }
    this.#killAll('a second signal', true);
    this.#waitToBeFinished();
  }

  /** Asked of the keeper, because there is no supervisor. */
  begin(isNow: boolean): void {
    if (this.#isUnderWay) {
      if (isNow) this.#hurry();
      return;
    }
    this.#isAskedFor = true;
    this.#isNow ||= isNow;
    this.#takeOver('there is no supervisor');
  }

  /** The supervisor says that it is stopping; with `isNow` no worker gets time. */
  taken(isNow: boolean): void {
    this.#isAskedFor = true;
    this.#isTaken = true;
    this.#isNow ||= isNow;
    if (this.#isHurried) return;
    // Twice: what the leader of a group leaves behind when it ends has its own time.
    const givenMs = (this.#isNow ? 0 : 2 * this.#ports.workers.longestStopMs) + SPARE_MS;
    this.#wait(givenMs, () =>
      this.#takeOver(`the supervisor has not finished the stop within ${givenMs} ms`),
    );
  }

  /** A successor is started, which takes up the stop if it can. */
  supervisorDied(): void {
    if (!this.#isAskedFor || this.#isUnderWay || !this.#ports.isSettled()) return;
    if (this.#isHurried) this.#takeOver('the supervisor has ended');
    else if (this.#isTaken)
      this.#wait(TAKE_MS, () => this.#takeOver('no other supervisor has gone on with the stop'));
    this.#isTaken = false;
  }

  /** A worker is gone. */
  workerGone(): void {
    if (!this.#isUnderWay || this.#ports.workers.running.length > 0) return;
    clearTimeout(this.#timer);
    this.#ports.ended(true);
  }

  #hurry(): void {
    if (this.#isHurried) return;
    this.#isHurried = true;
    this.#isNow = true;
    this.#killAll('a second signal', true);
    if (this.#isUnderWay) this.#waitForKilled();
    else if (!this.#ports.isSettled()) this.#waitForSettled(TAKE_MS);
    else if (this.#ports.supervisor.pid === null) this.#takeOver('there is no supervisor');
    else this.#waitToBeFinished();
  }

  #waitToBeTaken(): void {
    this.#wait(TAKE_MS, () => this.#takeOver(`the supervisor has not taken the stop within ${TAKE_MS} ms`));
  }

  #waitToBeFinished(): void {
    this.#wait(FINISH_MS, () => this.#takeOver(`the supervisor has not finished within ${FINISH_MS} ms`));
  }

  #waitForSettled(forMs: number): void {
    this.#wait(forMs, () => {
      const { supervisor, say, ended } = this.#ports;
      this.#isUnderWay = true;
      say(
        `the supervisor has not come up within ${forMs} ms of the stop: workers that an earlier keeper may have left were not looked for`,
      );
      supervisor.end();
      ended(false);
    });
  }

  #takeOver(why: string): void {
    const { supervisor, workers, say } = this.#ports;
    this.#isUnderWay = true;
    say(`${why}: the keeper stops ${workers.running.length} workers itself`);
    supervisor.end();
    if (this.#isNow) {
      this.#killAll('nothing is waited for', true);
      this.#waitForKilled();
    } else {
      const timeoutMs = workers.longestStopMs;
      workers.stopAll();
      this.#wait(timeoutMs, () => {
        this.#killAll(`after process_control_timeout (${timeoutMs} ms)`);
        this.#waitForKilled();
      });
    }
    this.workerGone(); // there may have been none
  }

  #killAll(why: string, isAskedFor = false): void {
    const { workers, say } = this.#ports;
    const { running } = workers;
    if (running.length > 0) say(`${why}: killing workers ${running.join(', ')}`, isAskedFor);
    workers.killAll();
  }

  #waitForKilled(): void {
    this.#wait(KILL_MS, () => {
      const { workers, say, ended } = this.#ports;
      say(`workers ${workers.running.join(', ')} were killed and are not gone: left alone`);
      ended(false);
    });
  }

  #wait(milliseconds: number, then: () => void): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(then, milliseconds);
  }
}
