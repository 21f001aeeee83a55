/**
 * The keeper: holds listeners and children, writes the log, restarts the supervisor, and otherwise does
 * what the supervisor asks (requests.ts). It reads no configuration and no byte from the network. Here its parts are
 * put together; and what concerns its own life: how it begins, goes on in another's place, and ends.
 */
import { writeSync } from 'node:fs';
import { closeInheritedOnExec, endProcess } from '../os/descriptor.ts';
import { takeEarlySignals } from '../os/early-signals.ts';
import { softFileLimit } from '../os/file-limit.ts';
import { ownLibraries } from '../os/own-library.ts';
import { Poller } from '../os/poller.ts';
import { printable } from '../printable.ts';
import { VERSION } from '../version.ts';
import { Announcer } from './announcer.ts';
import { adopt } from './handover/adoption.ts';
import { type Inheritance, inheritedDescriptors } from './handover/inheritance.ts';
import type { StateHead } from './handover/state.ts';
import type { InstalledProgram } from './handover/trial.ts';
import { Upgrade } from './handover/upgrade.ts';
import { Holdings } from './holdings.ts';
import { Listeners } from './listeners/listeners.ts';
import { takeInheritedListeners } from './listeners/systemd-listener.ts';
import { LAST_UPGRADE, type LastUpgrade, notUpgraded, RESUMED, upgradedFrom } from './notes.ts';
import { Logs } from './output/logs.ts';
import { OutputReaders } from './output/output.ts';
import type { Answer, Ask, Ending, World } from './protocol.ts';
import { explained, Requests } from './requests.ts';
import { Residence } from './residence.ts';
import { environmentOf, takeServiceManager } from './service/notifier.ts';
import { ServiceManager } from './service/service-manager.ts';
import { Signals } from './signals.ts';
import type { CommandRule } from './supervision/command-rule.ts';
import { HangWatch } from './supervision/hang-watch.ts';
import { OwnStop } from './supervision/own-stop.ts';
import { SupervisorProcess } from './supervision/supervisor-process.ts';
import { Vacancy } from './supervision/vacancy.ts';
import { FROZEN_AT_MOST_MS, Frozen } from './workers/frozen.ts';
import { reapOrphans } from './workers/orphans.ts';
import { Workers } from './workers/workers.ts';

export interface KeeperOptions {
  /** The command of the supervisor, an absolute path first. */
  readonly supervisorArgv: readonly string[];
  /** A pipe to whoever started us in the background; null: in the foreground. */
  readonly announceDescriptor: number | null;
  /** What the control socket takes, for when the keeper answers itself. */
  readonly commands: readonly CommandRule[];
  /** What this process becomes in an upgrade. */
  readonly program: InstalledProgram;
  /** What this process was before it became this program; without it this is a start. */
  readonly inheritance?: Inheritance | null;
}

const STOP_AND_RELOAD_SIGNALS = ['SIGTERM', 'SIGINT', 'SIGQUIT', 'SIGHUP', 'SIGUSR1', 'SIGUSR2'] as const;
const STOP_SIGNALS: ReadonlySet<string> = new Set(['SIGTERM', 'SIGINT', 'SIGQUIT']);
/** How many supervisors may be killed before anything is started. */
const MOST_EARLY_KILLS = 3;
/** So many deaths in a row are told each. */
const SELDOM_FROM = 60;

export class Keeper {
  readonly #poller = new Poller();
  readonly #inherited: ReadonlyMap<string, number>;
  readonly #logs: Logs;
  readonly #residence: Residence;
  readonly #output: OutputReaders;
  readonly #holdings: Holdings;
  readonly #frozen: Frozen;
  readonly #supervisor: SupervisorProcess;
  readonly #requests: Requests;
  readonly #ownStop: OwnStop;
  readonly #announcer: Announcer;
  readonly #serviceManager: ServiceManager;
  readonly #hangWatch: HangWatch;
  readonly #upgrade: Upgrade;
  readonly #vacancy: Vacancy;
  /** Signals that came while no supervisor had said hello. */
  #waitingSignals: NodeJS.Signals[] = [];
  #isSupervised = false;
  #isEnding = false;
  /** What an earlier keeper has left is found, or there was nothing. */
  #isSettled = false;
  /** Under way, or over. */
  #adoption: Promise<World | null> = Promise.resolve(null);
  /** How many supervisors were killed by a signal. */
  #kills = 0;

  /** Starts the supervisor, which does the rest. */
  static start(options: KeeperOptions): Keeper {
    closeInheritedOnExec();
    ownLibraries();
    process.umask(0o022);
    return new Keeper(options);
  }

  private constructor(options: KeeperOptions) {
    const signals = new Signals(signal => this.#signalled(signal));
    for (const signal of STOP_AND_RELOAD_SIGNALS) process.on(signal, () => signals.came(signal));
    const early = takeEarlySignals();
    const { inheritance = null } = options;
    const passed = inheritance?.passed ?? null;
    this.#logs = new Logs(options.announceDescriptor !== null, passed, (file, failure) =>
      this.#supervisor.send({ event: 'poolLog', file, failure }),
    );
    // What nobody foresaw must not take the workers' keeper away.
    process.on('uncaughtException', error =>
      this.#logs.say('error', `keeper: ${error.stack ?? error.message}`),
    );
    this.#inherited =
      inheritance === null
        ? takeInheritedListeners(process.env)
        : new Map(inheritance.inherited.map(({ name, descriptor }) => [name, descriptor]));
    this.#residence = new Residence({
      state: {
        keys: () => ['keeper', ...this.#holdings.keys],
        entry: key => (key === 'keeper' ? this.#head : this.#holdings.entry(key)),
      },
      warn: text => this.#logs.say('warn', text),
    });
    this.#announcer = new Announcer(passed?.announceDescriptor ?? options.announceDescriptor);
    const contact = takeServiceManager(process.env);
    this.#serviceManager = new ServiceManager(contact, this.#logs.isInBackground, {
      isAlive: () => this.#hangWatch.isAlive,
      problem: text => this.#logs.say('warn', text),
    });
    this.#hangWatch = new HangWatch(contact?.watchdogMs ?? null, {
      isWatched: () =>
        this.#supervisor.pid !== null && this.#residence.isTaken && !this.#requests.areAnswering,
      hangs: silentMs => this.#supervisorHangs(silentMs),
    });
    this.#output = new OutputReaders(this.#poller, this.#logs);
    this.#holdings = this.#hold(inheritance);
    const { workers } = this.#holdings;
    this.#frozen = new Frozen((pid, signal) => workers.signalGroup(pid, signal), FROZEN_AT_MOST_MS);
    this.#supervisor = new SupervisorProcess(options.supervisorArgv, this.#poller, {
      message: (message, answer, isHeard) => {
        this.#hangWatch.heard();
        this.#requests.answer(message, answer, isHeard);
      },
      output: (descriptor, pid) => this.#output.followSupervisor(descriptor, pid),
      died: (pid, { signal, code }, restartInMs) => {
        if (signal !== null) this.#kills++;
        const what = `supervisor ${pid} ended (${signal ?? `code ${code}`})`;
        this.#supervisorDied(what, restartInMs, signal !== null);
      },
      failed: (error, restartInMs) =>
        this.#supervisorDied(`no supervisor could be started (${explained(error)})`, restartInMs, false),
    });
    this.#ownStop = new OwnStop({
      isSettled: () => this.#isSettled,
      workers,
      supervisor: this.#supervisor,
      say: (text, isAskedFor) => {
        this.#logs.say(isAskedFor === true ? 'info' : 'warn', text);
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
      written: () => this.#residence.written(),
      leave: () => {
        this.#frozen.thawAll();
        this.#vacancy.close();
      },
      stay: reason => this.#stay(reason),
    });
    this.#vacancy = new Vacancy({
      commands: options.commands,
      supervisor: this.#supervisor,
      ownStop: this.#ownStop,
      upgrade: this.#upgrade,
      holdings: this.#holdings,
      controlSocket: () => this.#residence.settled?.controlSocket ?? null,
      problem: text => this.#logs.say('error', text),
    });
    this.#requests = new Requests({
      own: {
        hello: ask => this.#hello(ask),
        settle: ask => this.#settle(ask),
        finish: ask => {
          this.#supervisor.retire(() => void this.#end(ask));
          return null;
        },
      },
      holdings: this.#holdings,
      frozen: this.#frozen,
      residence: this.#residence,
      logs: this.#logs,
      announcer: this.#announcer,
      serviceManager: this.#serviceManager,
      ownStop: this.#ownStop,
      upgrade: this.#upgrade,
    });
    if (process.pid === 1) process.on('SIGCHLD', () => this.#reapOrphans());
    if (inheritance !== null) this.#resume(inheritance);
    for (const signal of early) signals.came(signal);
    this.#supervisor.start();
  }

  #hold(inheritance: Inheritance | null): Holdings {
    const listeners = new Listeners(
      this.#inherited,
      this.#poller,
      id => this.#supervisor.send({ event: 'knocked', id }),
      text => this.#logs.say('warn', text),
    );
    const workers = new Workers(this.#poller, listeners, this.#output, event => {
      this.#supervisor.send(event);
      if (event.event === 'exited' || event.event === 'gone') this.#residence.changed(`worker:${event.pid}`);
      if (event.event === 'gone') this.#ownStop.workerGone();
      if (event.event !== 'exited') return;
      this.#frozen.thaw(event.pid);
      this.#reapOrphans();
    });
    const started =
      inheritance === null ? null : { atMs: inheritance.startedAtMs, at: inheritance.passed.startedAt };
    return new Holdings(listeners, workers, key => this.#residence.changed(key), started);
  }

  async #hello(ask: Ask<'hello'>): Promise<Answer<'hello'>> {
    await this.#adoption; // of a supervisor that died in it
    if (!this.#vacancy.admits(ask)) {
      this.#supervisor.refuse();
      throw new Error('another protocol');
    }
    this.#isSupervised = true;
    this.#residence.changed('keeper');
    const signals = this.#waitingSignals;
    this.#waitingSignals = [];
    setImmediate(() => {
      for (const signal of signals) this.#passOn(signal);
    });
    return this.#world;
  }

  async #settle(ask: Ask<'settle'>): Promise<Answer<'settle'>> {
    const isFirst = this.#residence.settled === null;
    const heldBy = this.#residence.take(ask);
    if (heldBy !== null) return { heldBy, found: null };
    this.#supervisor.isUp();
    this.#vacancy.filled();
    this.#residence.changed('keeper');
    await this.#logs.settle(ask.log, ask.runDir);
    if (!isFirst) return { heldBy: null, found: null };
    this.#adoption = this.#adopt(ask.runDir).finally(() => {
      this.#isSettled = true;
      this.#ownStop.settled();
    });
    return { heldBy: null, found: await this.#adoption };
  }

  /** @returns what a keeper that was killed has left, now ours; null: nothing */
  async #adopt(runDir: string): Promise<World | null> {
    const { workers } = this.#holdings;
    const left = await adopt(runDir, this.#inherited, text => this.#logs.say('warn', text));
    if (left !== null && 'ownedBy' in left) {
      // The control socket will most likely say the same, and end us; what is there must not be overwritten.
      this.#logs.say(
        'warn',
        `${runDir} is the run directory of keeper ${left.ownedBy}, too: what this one knows is kept nowhere. Set another run_dir`,
      );
      return null;
    }
    if (left !== null) {
      this.#holdings.restore(left.state, left.survivors);
      if (left.isAnyStopped) for (const pid of workers.running) this.#frozen.thawFound(pid);
    }
    this.#residence.keepState();
    if (left === null) return null;
    const found = this.#world;
    this.#holdings.note('stopping', null); // whoever starts us does not want a stop to be finished
    return found;
  }

  /** Goes on as the program that this process has become. */
  #resume(inheritance: Inheritance): void {
    const { version: from, settled, workers, passed } = inheritance;
    softFileLimit.wanted = passed.softFileLimit;
    this.#waitingSignals = [...passed.signals];
    this.#holdings.restore(inheritance, inheritedDescriptors);
    this.#noteUpgrade(upgradedFrom(from));
    this.#holdings.note(RESUMED, 'yes');
    this.#residence.resume(settled, passed);
    this.#isSettled = settled !== null;
    const what = `fpm-ts ${from} has become ${VERSION}, pid ${process.pid}`;
    this.#logs.say('info', `${what}; ${workers.length} workers continue`);
  }

  get #world(): World {
    return { ...this.#holdings.world, logFailures: this.#logs.ofPools.failures };
  }

  get #head(): StateHead {
    return this.#holdings.head(this.#supervisor.pid, this.#residence.settled);
  }

  /** For the program that this process becomes. */
  #inheritance(): Inheritance {
    const holdings = this.#holdings;
    return {
      ...holdings.state(this.#supervisor.pid, this.#residence.settled),
      passed: {
        ...this.#logs.passed,
        startedAt: holdings.startedAt,
        ...this.#residence.passed,
        announceDescriptor: this.#announcer.descriptor,
        signals: this.#waitingSignals,
        softFileLimit: softFileLimit.wanted,
      },
    };
  }

  #obstacleToUpgrade(): string | null {
    if (this.#ownStop.isAskedFor || this.#isEnding) return 'fpm-ts is stopping';
    return this.#residence.settled === null ? 'fpm-ts is not up yet' : null;
  }

  /** No upgrade: what was put off for it is done now. */
  #stay(reason: string): void {
    this.#logs.say('error', `the upgrade did not happen: ${reason}; fpm-ts ${VERSION} continues`);
    this.#noteUpgrade(notUpgraded(reason));
    this.#supervisor.start();
    this.#ownStop.supervisorDied();
  }

  #noteUpgrade(last: LastUpgrade): void {
    this.#holdings.note(LAST_UPGRADE, JSON.stringify(last));
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
    if (!this.#residence.isTaken && !isToTry) {
      // It has not even begun: nothing runs yet, so this is a failed start.
      const message = `fpm-ts: ${what} before anything was started\n`;
      void this.#end({ exitCode: 1, message, stream: 'stderr' });
      return;
    }
    const state = `${what}; the workers continue, the next try is in ${restartInMs} ms`;
    // That none stays alive is told every other minute then.
    const { youngDeaths } = this.#supervisor;
    if (youngDeaths < SELDOM_FROM || youngDeaths % SELDOM_FROM === 0) this.#logs.say('warn', state);
    this.#serviceManager.supervisorDied(state);
    this.#vacancy.died(what);
    this.#ownStop.supervisorDied();
  }

  /** It is not asked first: what hangs does not answer, and its death costs nothing. */
  #supervisorHangs(silentMs: number): void {
    const what = `supervisor ${this.#supervisor.pid} has not been heard of for ${silentMs / 1000} s`;
    this.#logs.say('error', `${what}: it hangs, and is killed`);
    this.#supervisor.kill();
  }

  #reapOrphans(): void {
    if (process.pid === 1) reapOrphans(pid => this.#owns(pid));
  }

  #owns(pid: number): boolean {
    const { workers } = this.#holdings;
    return workers.owns(pid) || pid === this.#supervisor.pid || pid === this.#upgrade.trialPid;
  }

  async #end(ending: Ending): Promise<void> {
    const { exitCode, message, stream } = ending;
    if (this.#isEnding) return;
    this.#isEnding = true;
    this.#serviceManager.report('stopping', message);
    this.#frozen.thawAll();
    this.#holdings.listeners.closeAll();
    this.#vacancy.close();
    // What still runs is left to the next keeper, which finds it by what is written.
    await this.#residence.clear(this.#ownStop.isUnderWay, this.#holdings.workers.running.length > 0);
    await this.#logs.close();
    // Before the announcement: a client that hears of the end may start another keeper at once.
    this.#residence.leave();
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
      log: this.#logs.insteadOfStderr,
    });
    if (!isTold && message !== '') writeSync(stream === 'stdout' ? 1 : 2, printable(message));
    endProcess(exitCode);
  }
}
