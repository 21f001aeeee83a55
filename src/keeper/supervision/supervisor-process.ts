/** The supervisor as the keeper's child: started, spoken to, and started again whenever it dies. */
import { closeSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { outputPipes, socketPair } from '../../os/descriptor.ts';
import { ownEnvironment } from '../../os/environment.ts';
import type { Exit } from '../../os/pidfd.ts';
import type { Poller } from '../../os/poller.ts';
import { Program } from '../../os/spawn.ts';
import { Channel } from '../channel.ts';
import type { KeeperMessage, SupervisorMessage } from '../protocol.ts';
import { ProcessHandle } from '../workers/process-handle.ts';

/** The descriptor on which the supervisor finds its end of the channel. */
export const CHANNEL_DESCRIPTOR = 3;

/**
 * One that was up for as long as this is started again at once; younger ones wait, longer each time, but never long:
 * without a supervisor no worker that dies is replaced.
 */
const SETTLED_AFTER_MS = 1000;
/** What it said before it died is heard first; somebody else may hold its end of the channel open. */
const HEAR_OUT_MS = 100;
const FIRST_DELAY_MS = 100;
const LONGEST_DELAY_MS = 2000;

export interface SupervisorEvents {
  /**
   * @param answer says something to the one that sent it, and to no other
   * @param isHeard tells, when its turn has come, whether who sent it was refused meanwhile
   */
  message(message: SupervisorMessage, answer: (answer: KeeperMessage) => void, isHeard: () => boolean): void;
  /** Its stdout or stderr, to be read by us. */
  output(descriptor: number, pid: number): void;
  died(pid: number, exit: Exit, restartInMs: number): void;
  /** It could not be started. */
  failed(error: unknown, restartInMs: number): void;
}

export class SupervisorProcess {
  readonly #argv: readonly string[];
  readonly #poller: Poller;
  readonly #events: SupervisorEvents;
  #channel: Channel<KeeperMessage, SupervisorMessage> | null = null;
  /** Of one that we cannot work with. */
  #refused: Channel<KeeperMessage, SupervisorMessage> | null = null;
  #handle: ProcessHandle | null = null;
  #youngDeaths = 0;
  /** By performance.now(). */
  #nextStartMs = 0;
  /** Since when it does its work, by performance.now(); null: it is on its way. */
  #upSinceMs: number | null = null;
  #retired: (() => void) | null = null;
  #restart: NodeJS.Timeout | undefined;
  #isEnded = false;

  /** @param argv the command, an absolute path first */
  constructor(argv: readonly string[], poller: Poller, events: SupervisorEvents) {
    this.#argv = argv;
    this.#poller = poller;
    this.#events = events;
  }

  get pid(): number | null {
    return this.#handle?.pid ?? null;
  }

  /** How many in a row died before they had been up for a while. */
  get youngDeaths(): number {
    return this.#youngDeaths;
  }

  /** When the next one is started; null: one is there. */
  get nextStartInMs(): number | null {
    return this.#handle === null ? Math.max(0, this.#nextStartMs - performance.now()) : null;
  }

  /** It does its work. */
  isUp(): void {
    this.#upSinceMs ??= performance.now();
  }

  /** One that we cannot work with is ended, and nothing more that it says is heard. */
  refuse(): void {
    this.#refused = this.#channel;
    this.#channel?.close();
    this.#channel = null;
    this.kill();
  }

  start(): void {
    try {
      this.#spawn();
    } catch (error) {
      this.#events.failed(error, this.#restartLater(0));
    }
  }

  /** Without a supervisor the message is dropped: the next one asks for everything. */
  send(message: KeeperMessage): void {
    this.#channel?.send(message);
  }

  /** Ends it at once and for good; nothing that it has said is heard any more. */
  end(): void {
    this.#isEnded = true;
    clearTimeout(this.#restart);
    this.#handle?.signal('SIGKILL');
  }

  /** Another one is started in its place. */
  kill(): void {
    this.#handle?.signal('SIGKILL');
  }

  /** Ends it at once; nothing is started before `start` is called. */
  interrupt(): Promise<void> {
    clearTimeout(this.#restart);
    return new Promise(resolve => {
      this.retire(() => {
        this.#retired = null;
        resolve();
      });
      this.#handle?.signal('SIGKILL');
    });
  }

  /** Does not start it again; calls back when it has ended. */
  retire(ended: () => void): void {
    if (this.#handle === null) ended();
    else this.#retired = ended;
  }

  #spawn(): void {
    const [path = ''] = this.#argv;
    const [stdout, stderr] = outputPipes();
    const toClose = [stdout.write, stderr.write];
    this.#upSinceMs = null;
    const unused = [stdout.read, stderr.read];
    try {
      const [ours, theirs] = socketPair();
      toClose.push(theirs);
      unused.push(ours);
      const descriptors = new Map([
        [1, stdout.write],
        [2, stderr.write],
        [CHANNEL_DESCRIPTOR, theirs],
      ]);
      const env = ownEnvironment();
      let end = (): void => {};
      const heardOut = new Promise<void>(resolve => {
        end = resolve;
      });
      const program = new Program({ path, argv: this.#argv, env });
      const handle = ProcessHandle.start(() => program.spawn(descriptors), false, this.#poller, {
        exited: exit => {
          const upMs = this.#upSinceMs === null ? 0 : performance.now() - this.#upSinceMs;
          void Promise.race([heardOut, delay(HEAR_OUT_MS)]).then(() => this.#died(handle.pid, exit, upMs));
        },
        gone: () => {},
      });
      unused.length = 0;
      this.#handle = handle;
      const channel = new Channel<KeeperMessage, SupervisorMessage>(
        ours,
        message => {
          if (!this.#isEnded && this.#channel === channel)
            this.#events.message(
              message,
              answer => channel.send(answer),
              () => channel !== this.#refused,
            );
        },
        end,
      );
      this.#channel = channel;
      this.#events.output(stdout.read, handle.pid);
      this.#events.output(stderr.read, handle.pid);
    } finally {
      // Without descriptors it cannot be started; what it would have used must be there for the next try.
      for (const descriptor of [...toClose, ...unused]) closeSync(descriptor);
    }
  }

  #died(pid: number, exit: Exit, upMs: number): void {
    this.#handle = null;
    this.#channel?.close();
    this.#channel = null;
    if (this.#retired !== null) this.#retired();
    else if (!this.#isEnded) this.#events.died(pid, exit, this.#restartLater(upMs));
  }

  #restartLater(upMs: number): number {
    this.#youngDeaths = upMs >= SETTLED_AFTER_MS ? 0 : this.#youngDeaths + 1;
    const delayMs =
      this.#youngDeaths <= 1 ? 0 : Math.min(LONGEST_DELAY_MS, FIRST_DELAY_MS * 2 ** (this.#youngDeaths - 2));
    this.#nextStartMs = performance.now() + delayMs;
    this.#restart = setTimeout(() => this.start(), delayMs);
    return delayMs;
  }
}
