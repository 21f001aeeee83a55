/** What the supervisor asks of the keeper, each request by its name, and how it is answered. */
import { fileLimitText } from '../os/file-limit.ts';
import type { Announcer } from './announcer.ts';
import type { Upgrade } from './handover/upgrade.ts';
import type { Holdings } from './holdings.ts';
import type { Logs } from './output/logs.ts';
import type { Answer, Ask, Failure, KeeperMessage, RequestName, SupervisorMessage } from './protocol.ts';
import type { Residence } from './residence.ts';
import type { ServiceManager } from './service/service-manager.ts';
import type { OwnStop } from './supervision/own-stop.ts';
import type { Frozen } from './workers/frozen.ts';

type Handler<N extends RequestName> = (ask: Ask<N>) => Answer<N> | Promise<Answer<N>>;
type Handlers = { readonly [N in RequestName]: Handler<N> };

/** What concerns the life of the keeper itself. */
type OwnHandlers = Pick<Handlers, 'hello' | 'settle' | 'finish'>;

export interface RequestPorts {
  readonly own: OwnHandlers;
  readonly holdings: Holdings;
  readonly frozen: Frozen;
  readonly residence: Residence;
  readonly logs: Logs;
  readonly announcer: Announcer;
  readonly serviceManager: ServiceManager;
  readonly ownStop: OwnStop;
  readonly upgrade: Upgrade;
}

/** These are answered when what they changed is left for the next keeper; requests behind them do not wait for that. */
const ANSWERED_WHEN_WRITTEN: ReadonlySet<RequestName> = new Set(['listen']);
/** The reasons that fork(2) gives for EAGAIN, with the names that an administrator knows them by. */
const NO_PROCESS_TEXT =
  'no more processes may be started; look at `ulimit -u` (LimitNPROC=), which counts all of the user, at pids.max of the control group (TasksMax=), and at kernel.threads-max and kernel.pid_max';

/** What comes after these does not wait for them: who asks waits for the answer where something depends on it. */
const LONG: ReadonlySet<RequestName> = new Set(['settle', 'signal', 'tryUpgrade', 'upgrade']);

export class Requests {
  readonly #handlers: Handlers;
  readonly #residence: Residence;
  /** What is under way: each waits for the one before it. */
  #last: Promise<void> = Promise.resolve();
  #unanswered = 0;

  constructor(ports: RequestPorts) {
    this.#handlers = handlersOf(ports);
    this.#residence = ports.residence;
  }

  /** Something that was asked is not answered yet: who is silent may wait for us. */
  get areAnswering(): boolean {
    return this.#unanswered > 0;
  }

  /**
   * Does what is asked, in the order in which it is asked.
   * @param answer takes what it came to, or why it could not be done
   * @param isHeard tells, when its turn has come, whether it is to be done still
   */
  answer(message: SupervisorMessage, answer: (answer: KeeperMessage) => void, isHeard: () => boolean): void {
    this.#unanswered++;
    const answered = (reply: KeeperMessage | null): void => {
      this.#unanswered--;
      if (reply !== null) answer(reply);
    };
    const done = this.#last.then(() => (isHeard() ? this.#do(message, answered) : answered(null)));
    if (!LONG.has(message.name)) this.#last = done;
  }

  async #do({ id, name, ask }: SupervisorMessage, answer: (answer: KeeperMessage) => void): Promise<void> {
    let reply: KeeperMessage;
    try {
      reply = { id, answer: await this.#handle(name, ask) };
    } catch (error) {
      reply = { id, failure: failureOf(error) };
    }
    if (ANSWERED_WHEN_WRITTEN.has(name)) void this.#residence.written().then(() => answer(reply));
    else answer(reply);
  }

  #handle<N extends RequestName>(name: N, ask: Ask<N>): Answer<N> | Promise<Answer<N>> {
    return this.#handlers[name](ask);
  }
}

function handlersOf(ports: RequestPorts): Handlers {
  const { own, frozen, residence, logs, announcer, serviceManager, ownStop, upgrade } = ports;
  const { holdings } = ports;
  const { listeners, workers } = holdings;
  const changed = (ids: readonly string[]): void => {
    for (const id of ids) residence.changed(`listener:${id}`);
  };
  /** Its tag says why it ends: the next keeper must find that, should we be killed in the moment in which it does. */
  const explained = (pid: number): Promise<void> => residence.written(`worker:${pid}`);
  return {
    ...own,
    listen: ({ specs }) => {
      const results = listeners.openAll(specs, failureOf);
      changed(specs.map(({ id }) => id));
      return { results };
    },
    take: ({ spec, pid, inode }) => listeners.take(spec, pid, inode),
    publish: async ask => {
      await residence.written(); // who finds what we leave must know which generation serves before clients come to it
      listeners.publish(ask.id);
      changed(listeners.neighbours(ask.id));
      return null;
    },
    refuse: ask => {
      listeners.refuse(ask.id);
      changed([ask.id]);
      return null;
    },
    unlisten: ask => {
      const concerned = listeners.neighbours(ask.id);
      listeners.close(ask.id);
      changed(concerned);
      return null;
    },
    watch: ask => {
      listeners.watch(ask.id);
      return null;
    },
    spawn: async ({ spec, tag, count }) => {
      // By its listener a worker is known that was started in our last moment.
      if (spec.listener !== null) await residence.written(`listener:${spec.listener}`);
      let failure: Failure | null = null;
      const pids = workers.spawn(spec, tag, count, error => {
        failure = failureOf(error);
      });
      for (const pid of pids) residence.changed(`worker:${pid}`);
      return { pids, failure };
    },
    signal: async ask => {
      await explained(ask.pid);
      return workers.signal(ask.pid, ask.signal);
    },
    freeze: ask => frozen.freeze(ask.pid),
    release: async ask => {
      if (ask.kill) await explained(ask.pid);
      return frozen.release(ask.pid, ask.kill);
    },
    tag: ask => {
      workers.tag(ask.pid, ask.tag);
      residence.changed(`worker:${ask.pid}`);
      return null;
    },
    acknowledge: ask => {
      workers.acknowledge(ask.pid);
      residence.changed(`worker:${ask.pid}`);
      if (ask.note !== null) holdings.note(ask.note.name, ask.note.text);
      return null;
    },
    note: ask => {
      if (ask.name === 'stopping') ownStop.taken(ask.text === 'now');
      holdings.note(ask.name, ask.text);
      return null;
    },
    reopenLogs: () => logs.reopen(),
    announce: ask => {
      announcer.announce({ ...ask, exitCode: 0, stream: 'stderr', log: logs.insteadOfStderr });
      return null;
    },
    service: ask => {
      serviceManager.report(ask.phase, ask.status);
      return null;
    },
    tryUpgrade: async () => ({ version: await upgrade.tryOut() }),
    upgrade: async () => {
      await upgrade.replace();
      return null;
    },
  };
}

function failureOf(error: unknown): Failure {
  return { message: explained(error), code: (error as NodeJS.ErrnoException).code ?? null };
}

/** With what an administrator can do about it, where that is not the supervisor's to know. */
export function explained(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  const { code, syscall } = error as NodeJS.ErrnoException;
  if (code === 'EMFILE') return `${message}: ${fileLimitText()}`;
  return code === 'EAGAIN' && syscall === 'spawn' ? `${message}: ${NO_PROCESS_TEXT}` : message;
}
