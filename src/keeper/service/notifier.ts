/**
 * Where the service manager is, and messages to it in order: nothing waits for it, what it has no room for is sent
 * again, and that it cannot be reached disturbs nobody.
 */
import { NotifySocket } from '../../os/notify.ts';

/** How soon what there was no room for is tried again. */
const RETRY_MS = 100;

const VARIABLES = ['NOTIFY_SOCKET', 'WATCHDOG_USEC', 'WATCHDOG_PID'] as const;

/** How to reach the service manager, as it says in our environment (sd_notify(3), sd_watchdog_enabled(3)). */
export interface ServiceManagerContact {
  readonly socket: string;
  /** It ends us when it has not heard `WATCHDOG=1` for so long; null: it does not watch us. */
  readonly watchdogMs: number | null;
}

/**
 * Takes it out of the environment, so that no child sees it: what a worker said would be taken for our word.
 * @returns null: nobody wants to be told anything
 */
export function takeServiceManager(env: NodeJS.ProcessEnv): ServiceManagerContact | null {
  const { NOTIFY_SOCKET: socket = '', WATCHDOG_USEC: microseconds = '', WATCHDOG_PID: pid } = env;
  for (const name of VARIABLES) delete env[name];
  if (socket === '') return null;
  const isForUs = pid === undefined || Number(pid) === process.pid;
  const isWatched = isForUs && /^[1-9]\d{0,14}$/.test(microseconds);
  return { socket, watchdogMs: isWatched ? Number(microseconds) / 1000 : null };
}

/** The variables that tell it to the program that this process becomes. */
export function environmentOf(contact: ServiceManagerContact | null): Record<string, string> {
  if (contact === null) return {};
  const { socket, watchdogMs } = contact;
  return {
    NOTIFY_SOCKET: socket,
    ...(watchdogMs !== null && { WATCHDOG_USEC: String(watchdogMs * 1000) }),
  };
}

export class Notifier {
  readonly #problem: (text: string) => void;
  readonly #socket: NotifySocket | null;
  #unsent: string[] = [];
  #retry: NodeJS.Timeout | undefined;
  #lastProblem = '';

  /**
   * @param name the socket; null: everything is said to nobody
   * @param problem is told why nothing arrives, once a reason
   */
  constructor(name: string | null, problem: (text: string) => void) {
    this.#problem = problem;
    this.#socket = name === null ? null : this.#open(name);
  }

  /** What may be lost. @returns false: there is no room for it now */
  send(message: string): boolean {
    return this.#unsent.length === 0 && this.#try(message);
  }

  /** What must not be lost while somebody receives. */
  sendSurely(message: string): void {
    if (this.send(message)) return;
    this.#unsent.push(message);
    this.#retry ??= setInterval(() => this.#sendUnsent(), RETRY_MS);
  }

  #sendUnsent(): void {
    while (this.#unsent[0] !== undefined && this.#try(this.#unsent[0])) this.#unsent.shift();
    if (this.#unsent.length > 0) return;
    clearInterval(this.#retry);
    this.#retry = undefined;
  }

  #open(name: string): NotifySocket | null {
    try {
      return new NotifySocket(name);
    } catch (error) {
      this.#complain(error);
      return null;
    }
  }

  #try(message: string): boolean {
    try {
      return this.#socket?.send(message) ?? true;
    } catch (error) {
      this.#complain(error);
      return true; // there is nobody whom it could reach later
    }
  }

  #complain(error: unknown): void {
    const text = error instanceof Error ? error.message : String(error);
    if (text === this.#lastProblem) return;
    this.#lastProblem = text;
    this.#problem(`the service manager cannot be told anything (NOTIFY_SOCKET): ${text}`);
  }
}
