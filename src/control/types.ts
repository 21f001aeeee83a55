/** Arguments and results of the control commands, for those who do not validate them. */
import type { Status } from '../observe/status.ts';
import type { CommandName } from './commands.ts';

/** Where an instance can be found. */
export interface Instance {
  readonly socket: string;
  readonly runDir: string;
  readonly pidFile: string;
  /** Named by its keeper, too; null: it runs without. */
  readonly configFile: string | null;
}

export interface Calls {
  status: {
    args: {
      readonly pool?: string | undefined;
      /** 'no' leaves the lists of processes empty: with thousands of workers that is most of the time. */
      readonly processes?: 'yes' | 'no' | undefined;
    };
    result: Status;
  };
  explain: { args: { readonly pool: string }; result: Explanation };
  reload: {
    args: {
      /** Only these; without it all. */
      readonly pools?: readonly string[] | undefined;
      /** Only pools whose files changed. */
      readonly changed?: boolean | undefined;
      /** Only say what would be done. */
      readonly dry_run?: boolean | undefined;
    };
    result: ReloadResult;
  };
  stop: {
    args: { readonly pools?: readonly string[] | undefined; readonly now?: boolean | undefined };
    result: {
      readonly pid: number;
      readonly stopped: readonly string[];
      readonly left?: readonly LeftBehind[] | undefined;
    };
  };
  start: { args: { readonly pools: readonly string[] }; result: { readonly started: readonly string[] } };
  scale: {
    args: {
      readonly pool: string;
      readonly workers: number;
      /** Also above pm.max_children. */
      readonly force?: boolean | undefined;
    };
    result: {
      readonly pool: string;
      readonly workers: number;
      /** What so many take of the machine's memory, above pm.max_children. */
      readonly notice?: string | undefined;
    };
  };
  takeover: { args: { readonly pool: string; readonly pid: number }; result: TakeoverResult };
  'reopen-logs': {
    args: object;
    result: {
      readonly reopened: true;
      /** Logs that were not opened, in places where another user than root may write. */
      readonly warnings?: readonly string[] | undefined;
    };
  };
  upgrade: {
    args: {
      /** Only find out whether it would work. */
      readonly dry_run?: boolean | undefined;
    };
    result: UpgradeAccepted;
  };
}

export type Args<N extends CommandName> = Calls[N]['args'];
export type Result<N extends CommandName> = Calls[N]['result'];

/** A process that holds a pool's listener and is no worker of ours. */
export interface LeftBehind {
  readonly pool: string;
  readonly pid: number;
  readonly command: string;
}

/** The installed version can go on; unless it was a dry run, it does so next. */
export interface UpgradeAccepted {
  readonly dry_run: boolean;
  readonly pid: number;
  /** Of the supervisor that answers, which ends. */
  readonly supervisor_pid: number | null;
  readonly from: string;
  readonly to: string;
  /** `at` of the last_upgrade before this one. */
  readonly previous_at: string | null;
}

export interface Explanation {
  readonly pool: string;
  /** The oldest first. */
  readonly decisions: readonly ExplainedDecision[];
}

export interface ExplainedDecision {
  /** ISO 8601: of the first, and of the last time in a row. */
  readonly at: string;
  readonly last_at: string;
  readonly times: number;
  /** What was done. */
  readonly what: string;
  readonly reasons: readonly {
    readonly code: string;
    readonly text: string;
    /** What led there, by name. */
    readonly numbers: Readonly<Record<string, number | string>>;
  }[];
}

export interface ReloadResult {
  readonly dry_run: boolean;
  readonly pools: readonly PlannedPool[];
  /** Settings that only a restart of fpm-ts applies. */
  readonly needs_restart: readonly string[];
  readonly notices: readonly string[];
}

export interface TakeoverResult {
  readonly pool: string;
  readonly address: string;
  /** Who listened before: `pid 12 (php-cgi)`. */
  readonly program: string;
  /** How many workers of ours there are. */
  readonly workers: number;
  /** The other program has no request in hand any more, as far as is seen. */
  readonly drained: boolean;
  /** Who still has the old socket, at which nothing new arrives. */
  readonly left: readonly {
    readonly pid: number;
    readonly command: string;
    /** null: not known. */
    readonly connections: number | null;
  }[];
  /** How they are stopped for good. */
  readonly advice: readonly string[];
  readonly notices: readonly string[];
}

export interface PlannedPool {
  readonly pool: string;
  /** `fail`: it cannot be done; the pool keeps its settings and its workers. */
  readonly action: 'add' | 'remove' | 'roll' | 'live' | 'keep' | 'stopped' | 'fail';
  /** Why it fails. */
  readonly reason?: string | undefined;
  readonly changes: readonly { readonly key: string; readonly applied: string }[];
}

/** How every failure is answered; `fpm-ts --json` prints the same. */
export interface ErrorBody {
  readonly error: {
    readonly code: string;
    readonly message: string;
    readonly file: string | null;
    readonly line: number | null;
    readonly column: number | null;
    readonly key: string | null;
  };
}
