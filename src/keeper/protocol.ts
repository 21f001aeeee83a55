/**
 * What supervisor and keeper say to each other: JSON, a message a line, over a socket pair. The
 * supervisor asks and the keeper answers each request once; the keeper also reports events.
 */

/**
 * To be raised when keeper and supervisor of different versions would misunderstand each other, in a message or in a
 * note that a supervisor leaves for the next: a package may be replaced while a keeper runs.
 */
export const PROTOCOL = 3;

/** Where a listener is to listen. */
export type BindAddress =
  | { readonly type: 'unix'; readonly path: string }
  | { readonly type: 'tcp'; readonly host: string; readonly port: number; readonly dualStack: boolean }
  /** A socket that the service manager opened for us, by its name in LISTEN_FDNAMES (sd_listen_fds(3)). */
  | { readonly type: 'systemd'; readonly name: string };

export interface ListenerSpec {
  /** The supervisor's name for it. */
  readonly id: string;
  readonly address: BindAddress;
  readonly backlog: number;
  /** Of the socket file: permission bits, owner and group. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  /** Whose pool it is, of a Unix socket; absent in what an earlier version left. */
  readonly user?: { readonly uid: number; readonly gid: number; readonly groups: readonly number[] };
  /** Networks that may connect over TCP; empty: all. */
  readonly allowedClients: readonly string[];
  readonly nonblock: boolean;
}

export interface ListenerState {
  readonly spec: ListenerSpec;
  /** Of the socket itself: the number in `socket:[N]`, by which the kernel's tables name it. */
  readonly inode: number;
  /** New connections to the address come here. */
  readonly isPublic: boolean;
  /** Only its workers hold it: nobody can be started on it, and nothing about it can be changed. */
  readonly isLost: boolean;
  /** It is another program's, which the pool takes over. */
  readonly isForeign: boolean;
}

/** What became of one of the specifications of `listen`. */
export type ListenResult = { readonly inode: number } | { readonly failure: Failure };

export interface WorkerSpec {
  /** The executable; nothing is searched in PATH. */
  readonly path: string;
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  /** Where the first program begins: the working directory, or the root of a jail. */
  readonly cwd: string;
  /** Whose rights count on the way to `cwd`, where others than root could lead it elsewhere. */
  readonly user: { readonly uid: number; readonly gid: number; readonly groups: readonly number[] };
  readonly umask: number;
  /** Its hard limit of descriptors, where it would inherit a higher one; null: a program in front of it sets one. */
  readonly filesMax: number | null;
  /** The listener that it inherits; null: none. */
  readonly listener: string | null;
  /** The descriptor on which it gets the listener: 0, or 3 as socket-activated programs expect. */
  readonly listenerDescriptor: 0 | 3;
  /** The signals of a stop reach its whole process group; SIGKILL does in any case. */
  readonly wholeGroup: boolean;
  /** For a stop without the supervisor: the signal, and how long it may take. */
  readonly stopSignal: NodeJS.Signals;
  readonly stopTimeoutMs: number;
  readonly pool: string;
  /** A file of the pool's own for its output; null: the common log. */
  readonly logFile: string | null;
}

/** What the supervisor wants to know again about a worker after its own death; opaque to the keeper. */
export type Tag = Readonly<Record<string, string | number | boolean | null>>;

export interface Exit {
  /** Exactly one of the two is set; neither of a worker that an earlier keeper started: nobody told us. */
  readonly code: number | null;
  readonly signal: string | null;
}

export interface WorkerState {
  readonly pid: number;
  readonly tag: Tag;
  /** Milliseconds of the monotonic clock (os/clock.ts). */
  readonly startedAtMs: number;
  /** How its leader ended; null while it runs. */
  readonly exit: Exit | null;
  /** Leader and group are gone; it stays listed until the supervisor has acknowledged it. */
  readonly gone: boolean;
  /** Started by a keeper before this one. */
  readonly isAdopted: boolean;
}

export interface World {
  readonly keeperPid: number;
  /** When the keeper was started: by the monotonic clock, and what the wall clock said then (ISO 8601). */
  readonly startedAtMs: number;
  readonly startedAt: string;
  /** In the order in which they were opened. */
  readonly listeners: readonly ListenerState[];
  /** Names of the sockets that the service manager passed (LISTEN_FDNAMES). */
  readonly inheritedSockets: readonly string[];
  readonly workers: readonly WorkerState[];
  readonly notes: Readonly<Record<string, string>>;
  /** Absent in what an earlier version says. */
  readonly logFailures?: readonly LogFailure[];
}

/** What a supervisor leaves for the one that comes after it; opaque to the keeper. */
export interface Note {
  readonly name: string;
  /** null: what was left under that name counts no more. */
  readonly text: string | null;
}

/** How the keeper ends, and what it says to whoever started it. */
export interface Ending {
  readonly exitCode: number;
  readonly message: string;
  readonly stream: 'stdout' | 'stderr';
}

/** A pool's own log that could not be opened, or not anew. */
export interface LogFailure {
  /** Its path without `.` and `..`. */
  readonly file: string;
  /** What, why, where its lines go, and what to do. */
  readonly message: string;
  /** Another user than root may write where it is. */
  readonly isTenants: boolean;
}

export interface LogSettings {
  /** 'stderr' or an absolute path. */
  readonly file: string;
  readonly format: 'auto' | 'json' | 'pretty';
}

/** As a service manager sees us: 'running' from when every pool is up, or is known not to come up. */
export type ServicePhase = 'starting' | 'running' | 'reloading' | 'stopping';

/** Each request with the type of its answer. */
export interface Requests {
  /** Everything that there is: the first request of every supervisor. One of another protocol is ended. */
  hello: { ask: { readonly protocol: number; readonly version: string }; answer: World };
  /**
   * Takes the run directory and the pid file, which somebody else may have, opens the log, and takes over what is left of a keeper that was
   * killed in the same run directory.
   */
  settle: {
    ask: {
      readonly runDir: string;
      readonly pidFile: string;
      /** The supervisor's own; the keeper removes it where no supervisor is left to do so. */
      readonly controlSocket: string;
      readonly log: LogSettings;
    };
    answer: {
      readonly heldBy: number | null;
      /** What a keeper that was killed has left, now ours; null: nothing. */
      readonly found: World | null;
    };
  };
  /**
   * Opens listeners, each independently of the others. When another of ours has the address, the new one listens beside
   * it, hidden: nothing connects to it before `publish`. On TCP two can share an address, a third is refused. An id that
   * is open gets the settings of the specification, and takes connections again when it was refusing them; its address
   * stays. Answered in the order of the specifications, when all of it is left for the next keeper.
   */
  listen: {
    ask: { readonly specs: readonly ListenerSpec[] };
    answer: { readonly results: readonly ListenResult[] };
  };
  /**
   * Takes the listener of another program, which listens at that address: `listen` then opens ours beside it, and
   * `publish` of that one puts this one aside. A Unix socket that the kernel does not let us have is taken by its path
   * alone: it is lost. `isNonblocking` is how that program has it.
   */
  take: {
    ask: { readonly spec: ListenerSpec; readonly pid: number; readonly inode: number };
    answer: { readonly isLost: boolean; readonly isNonblocking: boolean };
  };
  /** In one step, all new connections to the address come to this listener; the other one keeps what is in its queue. */
  publish: { ask: { readonly id: string }; answer: null };
  /**
   * No new connections from now on; those that wait or are half open stay. A Unix path is gone, on TCP the handshake
   * is not answered and the client tries again after a second. Sockets of the service manager go on: connections wait
   * there for the next start.
   */
  refuse: { ask: { readonly id: string }; answer: null };
  /**
   * Closes a listener, and removes its socket file when that is still ours. On TCP it ends for the workers as well,
   * and what waits in its queue is reset.
   */
  unlisten: { ask: { readonly id: string }; answer: null };
  /** Asks for one `knocked` as soon as a connection waits. */
  watch: { ask: { readonly id: string }; answer: null };
  /** Starts so many workers alike. The first that cannot be started ends it: `pids` are those before it. */
  spawn: {
    ask: { readonly spec: WorkerSpec; readonly tag: Tag; readonly count: number };
    answer: { readonly pids: readonly number[]; readonly failure: Failure | null };
  };
  /** Signals a worker, its whole group when it was spawned so; false: it is gone. */
  signal: { ask: { readonly pid: number; readonly signal: NodeJS.Signals }; answer: boolean };
  /**
   * Stops a worker's whole group with SIGSTOP; its threads stop a moment later. The keeper lets it go on by itself
   * after half a second, when the supervisor dies, and at its own end.
   * False: it is gone, or somebody else has stopped it, who is left alone.
   */
  freeze: { ask: { readonly pid: number }; answer: boolean };
  /**
   * Ends the freezing: SIGKILL to the group, or SIGCONT. False: it was not frozen any more, and nothing is killed:
   * what ran again may have accepted a connection.
   */
  release: { ask: { readonly pid: number; readonly kill: boolean }; answer: boolean };
  tag: { ask: { readonly pid: number; readonly tag: Tag }; answer: null };
  /** The supervisor has accounted for the end of a worker: in one step it is forgotten and the note says so. */
  acknowledge: { ask: { readonly pid: number; readonly note: Note | null }; answer: null };
  /** Keeps a text for the supervisor that comes after this one. */
  note: { ask: Note; answer: null };
  /** `failed` are those that are root's to mend; `failures` (not of earlier versions) all that pools have of their own. */
  reopenLogs: {
    ask: object;
    answer: { readonly failed: readonly string[]; readonly failures?: readonly LogFailure[] };
  };
  /** Tells whoever started us in the background that all pools are ready, or why not. */
  announce: {
    ask: {
      readonly ok: boolean;
      readonly message: string;
      /** Of the last worker of a pool that failed. */
      readonly exit: Exit | null;
    };
    answer: null;
  };
  /**
   * What the service manager is to know, a line of text with it. Comes with every change and, as a sign of life, every
   * second: a supervisor that says nothing for long hangs, and is killed. Any other request is a sign of life, too.
   */
  service: { ask: { readonly phase: ServicePhase; readonly status: string }; answer: null };
  /** Whether the program that is installed now could go on in the keeper's place; fails with the reason why not. */
  tryUpgrade: { ask: object; answer: { readonly version: string } };
  /**
   * Ends the supervisor, becomes that program, and starts a supervisor of it. Only a failure is answered: the keeper
   * stays what it is.
   */
  upgrade: { ask: object; answer: null };
  /** The end: closes what is open and ends the keeper with this code, the message on that stream. */
  finish: { ask: Ending; answer: null };
}

export type RequestName = keyof Requests;
export type Ask<N extends RequestName> = Requests[N]['ask'];
export type Answer<N extends RequestName> = Requests[N]['answer'];

export type SupervisorMessage = {
  [N in RequestName]: { readonly id: number; readonly name: N; readonly ask: Ask<N> };
}[RequestName];

/** A request that failed: the system error's symbolic code where it was one. */
export interface Failure {
  readonly message: string;
  readonly code: string | null;
}

export type KeeperEvent =
  /** The leader of a worker has ended; `gone` follows when nothing of its group is left. */
  | { readonly event: 'exited'; readonly pid: number; readonly exit: Exit }
  | { readonly event: 'gone'; readonly pid: number }
  /** A connection waits at a listener that was asked for with `watch`. */
  | { readonly event: 'knocked'; readonly id: string }
  /** A pool's own log cannot be opened, for that reason; null: it can be again, or is not needed any more. */
  | { readonly event: 'poolLog'; readonly file: string; readonly failure: LogFailure | null }
  /** A signal that the keeper, whose pid is the public one, was sent. */
  | { readonly event: 'signalled'; readonly signal: NodeJS.Signals };

export type KeeperMessage =
  | { readonly id: number; readonly answer: unknown }
  | { readonly id: number; readonly failure: Failure }
  | KeeperEvent;
