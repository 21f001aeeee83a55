/** The supervisor as the keeper's child: started, spoken to, and started again whenever it dies. */
import { closeSync } from 'node:fs';
import { outputPipe, socketPair } from '../os/descriptor.ts';
import type { Exit } from '../os/pidfd.ts';
import type { Poller } from '../os/poller.ts';
import { Channel } from './channel.ts';
import { ProcessHandle } from './process-handle.ts';
import type { KeeperMessage, SupervisorMessage } from './protocol.ts';

/** The descriptor on which the supervisor finds its end of the channel. */
export const CHANNEL_DESCRIPTOR = 3;

/**
 * One that lived as long as this is started again at once; younger ones wait, longer each time, but never long:
 * without a supervisor no worker that dies is replaced.
 */
const SETTLED_AFTER_MS = 1000;
const FIRST_DELAY_MS = 100;
const LONGEST_DELAY_MS = 2000;

export interface SupervisorEvents {
  message(message: SupervisorMessage): void;
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
  #handle: ProcessHandle | null = null;
  #youngDeaths = 0;
  #retired: (() => void) | null = null;

  /** @param argv the command, an absolute path first */
  constructor(argv: readonly string[], poller: Poller, events: SupervisorEvents) {
    this.#argv = argv;
    this.#poller = poller;
    this.#events = events;
  }

  get pid(): number | null {
    return this.#handle?.pid ?? null;
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

  /** Does not start it again; calls back when it has ended. */
  retire(ended: () => void): void {
    if (this.#handle === null) ended();
    else this.#retired = ended;
  }

  #spawn(): void {
    const [path = ''] = this.#argv;
    const [ours, theirs] = socketPair();
    const stdout = outputPipe();
    const stderr = outputPipe();
    const startedAt = performance.now();
    try {
      const descriptors = new Map([
        [1, stdout.write],
        [2, stderr.write],
        [CHANNEL_DESCRIPTOR, theirs],
      ]);
      const env = Object.fromEntries(
        Object.entries(process.env).flatMap(([k, v]) => (v === undefined ? [] : [[k, v]])),
      );
      const handle = new ProcessHandle({ path, argv: this.#argv, env, descriptors }, false, this.#poller, {
        exited: exit => this.#died(handle.pid, exit, performance.now() - startedAt),
        gone: () => {},
      });
      this.#handle = handle;
      this.#channel = new Channel(
        ours,
        message => this.#events.message(message),
        () => {},
      );
      this.#events.output(stdout.read, handle.pid);
      this.#events.output(stderr.read, handle.pid);
    } finally {
      for (const descriptor of [theirs, stdout.write, stderr.write]) closeSync(descriptor);
    }
  }

  #died(pid: number, exit: Exit, livedMs: number): void {
    this.#handle = null;
    this.#channel?.close();
    this.#channel = null;
    if (this.#retired !== null) this.#retired();
    else this.#events.died(pid, exit, this.#restartLater(livedMs));
  }

  #restartLater(livedMs: number): number {
    this.#youngDeaths = livedMs >= SETTLED_AFTER_MS ? 0 : this.#youngDeaths + 1;
    const delayMs =
      this.#youngDeaths <= 1 ? 0 : Math.min(LONGEST_DELAY_MS, FIRST_DELAY_MS * 2 ** (this.#youngDeaths - 2));
    setTimeout(() => this.start(), delayMs);
    return delayMs;
  }
}
