/**
 * The keeper (DESIGN D4): holds listeners and children, writes the log, restarts the supervisor, and otherwise
 * does what the supervisor asks. It reads no configuration and no byte from the network.
 */
import { writeSync } from 'node:fs';
import { join } from 'node:path';
import { dateOf, nowMs } from '../os/clock.ts';
import { closeInheritedOnExec, endProcess } from '../os/descriptor.ts';
import { takeEarlySignals } from '../os/early-signals.ts';
import { fileLimitText, softFileLimit } from '../os/file-limit.ts';
import { removeStale } from '../os/listener.ts';
import { ownLibraries } from '../os/own-library.ts';
import { Poller } from '../os/poller.ts';
import { bootId } from '../os/proc.ts';
import { VERSION } from '../version.ts';
import { adopt } from './adoption.ts';
import { Announcer } from './announcer.ts';
import { FROZEN_AT_MOST_MS, Frozen } from './frozen.ts';
import { HangWatch } from './hang-watch.ts';
import { type Inheritance, inheritedDescriptors } from './inheritance.ts';
import { Listeners } from './listeners.ts';
import { LogSinks } from './log-sinks.ts';
import { LAST_UPGRADE, RESUMED } from './notes.ts';
import { environmentOf, takeServiceManager } from './notifier.ts';
import { reapOrphans } from './orphans.ts';
import { OutputReaders } from './output.ts';
import { OwnStop } from './own-stop.ts';
import { makeRunDir, PidFile } from './pid-file.ts';
import type {
  Answer,
  Ask,
  Ending,
  KeeperMessage,
  LogSettings,
  RequestName,
  SupervisorMessage,
  World,
} from './protocol.ts';
import { ServiceManager } from './service-manager.ts';
import { Signals } from './signals.ts';
import { emptySpawned, removeSpawned } from './spawned.ts';
import { type DescriptorSource, identityOf, type KeeperState, STATE_SCHEMA } from './state.ts';
import { StateFile } from './state-file.ts';
import { SupervisorProcess } from './supervisor-process.ts';
import { takeInheritedListeners } from './systemd-listener.ts';
import type { InstalledProgram } from './trial.ts';
import { Upgrade } from './upgrade.ts';
import { Vacancy } from './vacancy.ts';
import { Workers } from './workers.ts';

export interface KeeperOptions {
  /** The command of the supervisor, an absolute path first. */
  readonly supervisorArgv: readonly string[];
  /** A pipe to whoever started us in the background; null: in the foreground. */
  readonly announceDescriptor: number | null;
  /** What this process becomes in an upgrade. */
  readonly program: InstalledProgram;
  /** What this process was before it became this program; without it this is a start. */
  readonly inheritance?: Inheritance | null;
}

type Handlers = { readonly [N in RequestName]: (ask: Ask<N>) => Answer<N> | Promise<Answer<N>> };

const STOP_AND_RELOAD_SIGNALS = ['SIGTERM', 'SIGINT', 'SIGQUIT', 'SIGHUP', 'SIGUSR1', 'SIGUSR2'] as const;
const STOP_SIGNALS: ReadonlySet<string> = new Set(['SIGTERM', 'SIGINT', 'SIGQUIT']);
/** After these the keeper knows something else than before. */
const CHANGING: ReadonlySet<RequestName> = new Set([
  'hello',
  'settle',
  'listen',
  'publish',
  'refuse',
  'unlisten',
  'spawn',
  'tag',
  'acknowledge',
  'note',
]);
/** The reasons that fork(2) gives for EAGAIN, with the names that an administrator knows them by. */
const NO_PROCESS_TEXT =
  'no more processes may be started; look at `ulimit -u` (LimitNPROC=), which counts all of the user, at pids.max of the control group (TasksMax=), and at kernel.threads-max and kernel.pid_max';
/** How many supervisors may be killed before anything is started. */
const MOST_EARLY_KILLS = 3;
/** So many deaths in a row are told each. */
const SELDOM_FROM = 60;
const INFO = 30;
const WARN = 40;
const ERROR = 50;

export class Keeper {
  readonly #startedAtMs: number;
  readonly #startedAt: string;
  readonly #poller = new Poller();
  readonly #inherited: ReadonlyMap<string, number>;
  readonly #listeners: Listeners;
  readonly #output: OutputReaders;
  readonly #workers: Workers;
  readonly #frozen: Frozen;
  readonly #supervisor: SupervisorProcess;
  readonly #ownStop: OwnStop;
  readonly #announcer: Announcer;
  readonly #serviceManager: ServiceManager;
  readonly #hangWatch: HangWatch;
  readonly #upgrade: Upgrade;
  readonly #vacancy: Vacancy;
  /** What the supervisor left for its successor. */
  readonly #notes = new Map<string, string>();
  /** Signals that came while no supervisor had said hello. */
  #waitingSignals: NodeJS.Signals[] = [];
  #isSupervised = false;
  #pidFile: PidFile | null = null;
  #settled: Ask<'settle'> | null = null;
  #stateFile: StateFile | null = null;
  #isEnding = false;
  /** How many supervisors were killed by a signal. */
  #kills = 0;
  #sinks: LogSinks;
  #logSettings: LogSettings | null = null;
  readonly #isInBackground: boolean;
  /** Where the log goes that would go to a stderr that we do not have; null: elsewhere. */
  #ownLog: string | null = null;

  /** Starts the supervisor, which does the rest. */
  static start(options: KeeperOptions): Keeper {
    closeInheritedOnExec();
    ownLibraries();
    process.umask(0o022);
    return new Keeper(options, openSinks(options.inheritance?.passed.logSettings ?? null));
  }

  private constructor(options: KeeperOptions, sinks: LogSinks) {
    const signals = new Signals(signal => this.#signalled(signal));
    for (const signal of STOP_AND_RELOAD_SIGNALS) process.on(signal, () => signals.came(signal));
    const early = takeEarlySignals();
    // What nobody foresaw must not take the workers' keeper away.
    process.on('uncaughtException', error => this.#log(ERROR, `keeper: ${error.stack ?? error.message}`));
    const { inheritance = null } = options;
    this.#sinks = sinks;
    this.#startedAtMs = inheritance?.startedAtMs ?? nowMs();
    this.#startedAt = inheritance?.passed.startedAt ?? dateOf(this.#startedAtMs).toISOString();
    this.#inherited =
      inheritance === null
        ? takeInheritedListeners(process.env)
        : new Map(inheritance.inherited.map(({ name, descriptor }) => [name, descriptor]));
    this.#listeners = new Listeners(
      this.#inherited,
      this.#poller,
      id => this.#supervisor.send({ event: 'knocked', id }),
      path => this.#log(WARN, `the socket ${path} was removed by somebody: it is there again`),
    );
    this.#isInBackground = inheritance?.passed.isInBackground ?? options.announceDescriptor !== null;
    this.#announcer = new Announcer(inheritance?.passed.announceDescriptor ?? options.announceDescriptor);
    const contact = takeServiceManager(process.env);
    this.#serviceManager = new ServiceManager(contact, this.#isInBackground, {
      isAlive: () => this.#hangWatch.isAlive,
      problem: text => this.#log(WARN, text),
    });
    this.#hangWatch = new HangWatch(contact?.watchdogMs ?? null, {
      isWatched: () => this.#supervisor.pid !== null && this.#pidFile !== null,
      hangs: silentMs => this.#supervisorHangs(silentMs),
    });
    this.#output = new OutputReaders(this.#poller, () => this.#sinks);
    this.#workers = new Workers(this.#poller, this.#listeners, this.#output, event => {
      this.#supervisor.send(event);
      this.#stateFile?.changed();
      if (event.event === 'gone') this.#ownStop.workerGone();
      if (event.event !== 'exited') return;
      this.#frozen.thaw(event.pid);
      this.#reapOrphans();
    });
    this.#frozen = new Frozen((pid, signal) => this.#workers.signalGroup(pid, signal), FROZEN_AT_MOST_MS);
    this.#supervisor = new SupervisorProcess(options.supervisorArgv, this.#poller, {
      message: (message, answer) => {
        this.#hangWatch.heard();
        void this.#answer(message, answer);
      },
      output: (descriptor, pid) => this.#output.followSupervisor(descriptor, pid),
      died: (pid, { signal, code }, restartInMs) => {
        if (signal !== null) this.#kills++;
        this.#supervisorDied(
          `supervisor ${pid} ended (${signal ?? `code ${code}`})`,
          restartInMs,
          signal !== null,
        );
      },
      failed: (error, restartInMs) =>
        this.#supervisorDied(`no supervisor could be started (${explained(error)})`, restartInMs, false),
    });
    this.#ownStop = new OwnStop({
      workers: this.#workers,
      supervisor: this.#supervisor,
      say: (text, isAskedFor) => {
        this.#log(isAskedFor === true ? INFO : WARN, text);
        this.#serviceManager.report('stopping', text);
      },
      // The supervisor was killed; whoever sees our end may count on its end, too.
      ended: isDone =>
        this.#supervisor.retire(
          () => void this.#end({ exitCode: isDone ? 0 : 1, message: '', stream: 'stderr' }),
        ),
    });
    this.#upgrade = new Upgrade({
      program: options.program,
      poller: this.#poller,
      ownVariables: () => environmentOf(this.#serviceManager.contact),
      endSupervisor: async () => {
        this.#isSupervised = false;
        await this.#supervisor.interrupt();
        this.#reapOrphans();
      },
      inheritance: () => this.#inheritance(),
      obstacle: () => this.#obstacleToUpgrade(),
      isSupervisorHeard: () => this.#output.supervisorPipes === 0,
      leave: () => {
        this.#frozen.thawAll();
        this.#vacancy.close();
      },
      stay: reason => this.#stay(reason),
    });
    this.#vacancy = new Vacancy({
      supervisor: this.#supervisor,
      ownStop: this.#ownStop,
      upgrade: this.#upgrade,
      workers: this.#workers,
      notes: this.#notes,
      startedAt: this.#startedAt,
      startedAtMs: this.#startedAtMs,
      controlSocket: () => this.#settled?.controlSocket ?? null,
      problem: text => this.#log(ERROR, text),
    });
    if (process.pid === 1) process.on('SIGCHLD', () => this.#reapOrphans());
    if (inheritance !== null) this.#resume(inheritance);
    for (const signal of early) signals.came(signal);
    this.#supervisor.start();
  }

  readonly #handlers: Handlers = {
    hello: ask => {
      if (this.#vacancy.admits(ask)) return this.#hello();
      this.#supervisor.refuse();
      throw new Error('another protocol');
    },
    settle: async ask => {
      makeRunDir(ask.runDir);
      const heldBy = this.#takePidFile(ask.pidFile);
      if (heldBy !== null) return { heldBy, found: null };
      this.#supervisor.isUp();
      this.#vacancy.filled();
      const isFirst = this.#settled === null;
      this.#settled = ask;
      await this.#openLogs(this.#logOf(ask));
      if (!isFirst) return { heldBy: null, found: null };
      return { heldBy: null, found: await this.#adopt(ask.runDir) };
    },
    listen: async ask => {
      const inode = this.#listeners.open(ask.spec);
      await this.#stateFile?.written(); // by its listener a worker is known that was started in our last moment
      return { inode };
    },
    take: ({ spec, pid, inode }) => this.#listeners.take(spec, pid, inode),
    publish: ask => {
      this.#listeners.publish(ask.id);
      return null;
    },
    refuse: ask => {
      this.#listeners.refuse(ask.id);
      return null;
    },
    unlisten: ask => {
      this.#listeners.close(ask.id);
      return null;
    },
    watch: ask => {
      this.#listeners.watch(ask.id);
      return null;
    },
    spawn: ask => ({ pid: this.#workers.spawn(ask.spec, ask.tag) }),
    signal: ask => this.#workers.signal(ask.pid, ask.signal),
    freeze: ask => this.#frozen.freeze(ask.pid),
    release: ask => this.#frozen.release(ask.pid, ask.kill),
    tag: ask => {
      this.#workers.tag(ask.pid, ask.tag);
      return null;
    },
    acknowledge: ask => {
      this.#workers.acknowledge(ask.pid);
      if (ask.note !== null) this.#notes.set(ask.note.name, ask.note.text);
      return null;
    },
    note: ask => {
      if (ask.name === 'stopping') this.#ownStop.taken(ask.text === 'now');
      this.#notes.set(ask.name, ask.text);
      return null;
    },
    reopenLogs: () => ({ failed: this.#sinks.reopen().map(error => error.message) }),
    announce: ask => {
      this.#announcer.announce({ ...ask, exitCode: 0, stream: 'stderr', log: this.#ownLog });
      return null;
    },
    service: ask => {
      this.#serviceManager.report(ask.phase, ask.status);
      return null;
    },
    tryUpgrade: async () => ({ version: await this.#upgrade.tryOut() }),
    upgrade: async () => {
      await this.#upgrade.replace();
      return null;
    },
    finish: ask => {
      this.#supervisor.retire(() => void this.#end(ask));
      return null;
    },
  };

  #hello(): Answer<'hello'> {
    this.#isSupervised = true;
    const signals = this.#waitingSignals;
    this.#waitingSignals = [];
    setImmediate(() => {
      for (const signal of signals) this.#passOn(signal);
    });
    return this.#world();
  }

  #world(): World {
    return {
      keeperPid: process.pid,
      startedAtMs: this.#startedAtMs,
      startedAt: this.#startedAt,
      listeners: this.#listeners.states,
      inheritedSockets: this.#listeners.inheritedNames,
      workers: this.#workers.states,
      notes: Object.fromEntries(this.#notes),
    };
  }

  /** All that there is, for whoever goes on in our place. */
  get state(): KeeperState {
    const { pid: supervisor } = this.#supervisor;
    return {
      schema: STATE_SCHEMA,
      version: VERSION,
      bootId: bootId(),
      keeper: identityOf(process.pid),
      supervisor: supervisor === null ? null : identityOf(supervisor),
      startedAtMs: this.#startedAtMs,
      settled: this.#settled,
      inherited: this.#listeners.savedInherited,
      listeners: this.#listeners.saved,
      workers: this.#workers.saved,
      notes: Object.fromEntries(this.#notes),
    };
  }

  /** Goes on with what a state says. */
  #restore({ listeners, workers, notes }: KeeperState, source: DescriptorSource): void {
    for (const saved of listeners) this.#listeners.restore(saved, source.listener(saved));
    for (const saved of workers) this.#workers.restore(saved, source);
    for (const [name, text] of Object.entries(notes)) this.#notes.set(name, text);
  }

  /** Goes on as the program that this process has become. */
  #resume(inheritance: Inheritance): void {
    const { version: from, settled, workers, passed } = inheritance;
    softFileLimit.wanted = passed.softFileLimit;
    this.#settled = settled;
    this.#logSettings = passed.logSettings;
    this.#ownLog = passed.ownLog;
    this.#pidFile = passed.pidFile === null ? null : PidFile.inherited(passed.pidFile);
    this.#waitingSignals = [...passed.signals];
    this.#sinks.resume(passed.unwritten);
    this.#restore(inheritance, inheritedDescriptors);
    if (settled !== null) this.#openStateFile(settled.runDir);
    this.#noteUpgrade({ ok: true, from, to: VERSION, message: '' });
    this.#notes.set(RESUMED, 'yes');
    this.#stateFile?.changed();
    this.#log(
      INFO,
      `fpm-ts ${from} has become ${VERSION}, pid ${process.pid}; ${workers.length} workers go on`,
    );
  }

  /** For the program that this process becomes. */
  #inheritance(): Inheritance {
    return {
      ...this.state,
      passed: {
        startedAt: this.#startedAt,
        pidFile: this.#pidFile?.passed ?? null,
        announceDescriptor: this.#announcer.descriptor,
        isInBackground: this.#isInBackground,
        ownLog: this.#ownLog,
        logSettings: this.#logSettings,
        unwritten: this.#sinks.unwritten(),
        signals: this.#waitingSignals,
        softFileLimit: softFileLimit.wanted,
      },
    };
  }

  #obstacleToUpgrade(): string | null {
    if (this.#ownStop.isAskedFor || this.#isEnding) return 'fpm-ts is stopping';
    return this.#settled === null ? 'fpm-ts is not up yet' : null;
  }

  /** No upgrade: what was put off for it is done now. */
  #stay(reason: string): void {
    this.#log(ERROR, `the upgrade did not happen: ${reason}; fpm-ts ${VERSION} goes on`);
    this.#noteUpgrade({ ok: false, from: VERSION, to: null, message: reason });
    this.#supervisor.start();
    this.#ownStop.supervisorDied();
  }

  #noteUpgrade(what: { ok: boolean; from: string; to: string | null; message: string }): void {
    this.#notes.set(LAST_UPGRADE, JSON.stringify({ at: new Date().toISOString(), ...what }));
  }

  #openStateFile(runDir: string): void {
    this.#stateFile = new StateFile(
      runDir,
      () => this.state,
      text => this.#log(WARN, text),
    );
  }

  /** @returns what a keeper that was killed has left, now ours; null: nothing */
  async #adopt(runDir: string): Promise<World | null> {
    const warn = (text: string): void => this.#log(WARN, text);
    const left = await adopt(runDir, this.#inherited, warn);
    if (left !== null && 'ownedBy' in left) {
      // The control socket will most likely say the same, and end us; what is there must not be overwritten.
      warn(
        `${runDir} is the run directory of keeper ${left.ownedBy}, too: what this one knows is kept nowhere. Set another run_dir`,
      );
      return null;
    }
    this.#openStateFile(runDir);
    if (left === null) return null;
    this.#restore(left.state, left.survivors);
    for (const pid of this.#workers.running) this.#frozen.thawFound(pid);
    const found = this.#world();
    this.#notes.delete('stopping'); // whoever starts us does not want a stop to be finished
    return found;
  }

  /** Where it was removed it is taken anew. @returns the pid of whoever else has it */
  #takePidFile(wanted: string): number | null {
    const before = this.#pidFile;
    if (before?.isInPlace() === true) return null;
    const taken = PidFile.take(before?.path ?? wanted);
    if (!(taken instanceof PidFile)) return taken.heldBy;
    before?.release();
    this.#pidFile = taken;
    if (before !== null) this.#log(WARN, `the pid file ${taken.path} was gone: it is there again`);
    return null;
  }

  /** In the background there is no stderr to log to: whoever reads it waits for its end, `ssh` for one. */
  #logOf({ log, runDir }: Ask<'settle'>): LogSettings {
    if (!this.#isInBackground || log.file !== 'stderr') return log;
    this.#ownLog ??= join(runDir, 'fpm-ts.log');
    return { ...log, file: this.#ownLog };
  }

  async #openLogs(settings: LogSettings): Promise<void> {
    if (JSON.stringify(settings) === JSON.stringify(this.#logSettings)) return;
    const before = this.#sinks;
    this.#sinks = LogSinks.open(settings);
    this.#logSettings = settings;
    await before.close();
  }

  async #answer(message: SupervisorMessage, answer: (answer: KeeperMessage) => void): Promise<void> {
    const { id } = message;
    let reply: KeeperMessage;
    try {
      reply = { id, answer: await this.#handle(message.name, message.ask) };
      if (CHANGING.has(message.name)) this.#stateFile?.changed();
    } catch (error) {
      const code = (error as NodeJS.ErrnoException).code ?? null;
      reply = { id, failure: { message: explained(error), code } };
    }
    answer(reply);
  }

  #handle<N extends RequestName>(name: N, ask: Ask<N>): Answer<N> | Promise<Answer<N>> {
    return this.#handlers[name](ask);
  }

  #signalled(signal: NodeJS.Signals): void {
    if (STOP_SIGNALS.has(signal)) this.#ownStop.signalled();
    this.#passOn(signal);
  }

  #passOn(signal: NodeJS.Signals): void {
    if (this.#isSupervised) this.#supervisor.send({ event: 'signalled', signal });
    else this.#waitingSignals.push(signal);
  }

  #supervisorDied(what: string, restartInMs: number, isKilled: boolean): void {
    this.#isSupervised = false;
    this.#hangWatch.heard();
    this.#frozen.thawAll();
    this.#reapOrphans();
    // Whom somebody killed has not failed, unless it happens to each.
    const isToTry = isKilled && this.#kills <= MOST_EARLY_KILLS;
    if (this.#pidFile === null && !isToTry) {
      // It has not even begun: nothing runs yet, so this is a failed start.
      const message = `fpm-ts: ${what} before anything was started\n`;
      void this.#end({ exitCode: 1, message, stream: 'stderr' });
      return;
    }
    const state = `${what}; the workers go on, the next try is in ${restartInMs} ms`;
    // That none stays alive is told every other minute then.
    const { youngDeaths } = this.#supervisor;
    if (youngDeaths < SELDOM_FROM || youngDeaths % SELDOM_FROM === 0) this.#log(WARN, state);
    this.#serviceManager.supervisorDied(state);
    this.#vacancy.died(what);
    this.#ownStop.supervisorDied();
  }

  /** It is not asked first: what hangs does not answer, and its death costs nothing. */
  #supervisorHangs(silentMs: number): void {
    const { pid } = this.#supervisor;
    this.#log(
      ERROR,
      `supervisor ${pid} has not been heard of for ${silentMs / 1000} s: it hangs, and is killed`,
    );
    this.#supervisor.kill();
  }

  #reapOrphans(): void {
    if (process.pid === 1) reapOrphans(pid => this.#owns(pid));
  }

  #owns(pid: number): boolean {
    return this.#workers.owns(pid) || pid === this.#supervisor.pid || pid === this.#upgrade.trialPid;
  }

  #log(level: number, msg: string): void {
    this.#sinks.main.write({ level, time: Date.now(), msg });
  }

  async #end(ending: Ending): Promise<void> {
    const { exitCode, message, stream } = ending;
    if (this.#isEnding) return;
    this.#isEnding = true;
    this.#serviceManager.report('stopping', message);
    this.#frozen.thawAll();
    this.#listeners.closeAll();
    this.#vacancy.close();
    if (this.#ownStop.isUnderWay && this.#settled !== null) removeStale(this.#settled.controlSocket);
    await this.#stateFile?.remove();
    await this.#sinks.close();
    // Whoever still waits for all pools to be ready has waited in vain, however well the stop went.
    const early = {
      exitCode: 1,
      message: 'fpm-ts: stopped before every pool was ready\n',
      stream: 'stderr',
    } as const;
    const isTold = this.#announcer.announce({
      ...(exitCode === 0 ? early : ending),
      ok: false,
      exit: null,
      log: this.#ownLog,
    });
    if (!isTold && message !== '') writeSync(stream === 'stdout' ? 1 : 2, message);
    this.#removeRunDir();
    endProcess(exitCode);
  }

  /** Nobody else may take it before what is ours is gone from it. */
  #removeRunDir(): void {
    const pidFile = this.#pidFile;
    const runDir = this.#settled?.runDir;
    const isSpawned = runDir !== undefined && emptySpawned(runDir, pidFile?.path ?? null);
    pidFile?.release();
    if (isSpawned) removeSpawned(runDir);
  }
}

/** Where to log to as long as nothing is settled, and when what is settled cannot be opened any more. */
function openSinks(settings: LogSettings | null): LogSinks {
  const atFirst = { file: 'stderr', format: 'auto' } as const;
  if (settings === null) return LogSinks.open(atFirst);
  try {
    return LogSinks.open(settings);
  } catch (error) {
    const sinks = LogSinks.open(atFirst);
    const msg = `${settings.file} cannot be opened, the log comes here instead: ${String(error)}`;
    sinks.main.write({ level: ERROR, time: Date.now(), msg });
    return sinks;
  }
}

function explained(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  const { code, syscall } = error as NodeJS.ErrnoException;
  if (code === 'EMFILE') return `${message}: ${fileLimitText()}`;
  return code === 'EAGAIN' && syscall === 'spawn' ? `${message}: ${NO_PROCESS_TEXT}` : message;
}
