/**
 * The registry of everything that can go wrong in front of a user: one stable code each, with the exit code
 * of the command line (sysexits.h) and its meaning. `docs/errors.md` is generated from it.
 */
export const EXIT = {
  ok: 0,
  failed: 1,
  usage: 64,
  noSuchPool: 66,
  notRunning: 69,
  alreadyRunning: 75,
  notAllowed: 77,
  config: 78,
} as const;

export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

interface ErrorKind {
  readonly exit: ExitCode;
  readonly meaning: string;
}

export const ERRORS: Readonly<Record<ErrorCode, ErrorKind>> = {
  FAILED: {
    exit: EXIT.failed,
    meaning: 'The operation was tried and did not succeed; the message says why.',
  },
  USAGE: { exit: EXIT.usage, meaning: 'The command line or the request was not understood.' },
  NO_SUCH_POOL: { exit: EXIT.noSuchPool, meaning: 'No pool of that name is configured.' },
  NOT_RUNNING: { exit: EXIT.notRunning, meaning: 'No supervisor answers on the control socket.' },
  NOT_ANSWERING: {
    exit: EXIT.failed,
    meaning: 'fpm-ts runs, but its supervisor hangs or is not running; the workers continue.',
  },
  ALREADY_RUNNING: {
    exit: EXIT.alreadyRunning,
    meaning: 'Another supervisor has the run directory or the pid file, or answers on the control socket.',
  },
  NOT_ALLOWED: {
    exit: EXIT.notAllowed,
    meaning: 'The caller may not use the control socket, or not for that, or may not read a log.',
  },
  BUSY: {
    exit: EXIT.failed,
    meaning:
      'Too many connections to the control socket are open, of the caller or of all; nothing was done.',
  },
  POOL_STOPPED: { exit: EXIT.failed, meaning: 'The pool is stopped, so the command has no effect on it.' },
  POOL_PAUSED: {
    exit: EXIT.failed,
    meaning: 'The pool is paused, so its number of workers does not change.',
  },
  POOL_FAILED: { exit: EXIT.failed, meaning: 'The workers of a pool did not come up.' },
  RELOAD_FAILED: { exit: EXIT.failed, meaning: 'A reload was cancelled; what ran before continues.' },
  UPGRADE_FAILED: {
    exit: EXIT.failed,
    meaning: 'The installed version cannot take the place of the running one, which continues.',
  },
  CONFIG_MISSING: { exit: EXIT.config, meaning: 'The configuration file was not found or cannot be read.' },
  CONFIG_SYNTAX: { exit: EXIT.config, meaning: 'A file is not valid TOML.' },
  CONFIG_UNKNOWN_KEY: {
    exit: EXIT.config,
    meaning: 'A key that does not exist; the nearest known one is named.',
  },
  CONFIG_VALUE: { exit: EXIT.config, meaning: 'A value that the key does not take.' },
  CONFIG_REQUIRED: { exit: EXIT.config, meaning: 'A required key is not set.' },
  CONFIG_CONFLICT: { exit: EXIT.config, meaning: 'Two settings contradict each other.' },
  CONFIG_NOT_YET: { exit: EXIT.config, meaning: 'A key whose effect this version does not have yet.' },
  CONFIG_VARIABLE: { exit: EXIT.config, meaning: 'A variable in a value is not set.' },
  CONFIG_POOL_NAME: { exit: EXIT.config, meaning: 'The name of a pool file is not a valid pool name.' },
  CONFIG_SYSTEM: { exit: EXIT.config, meaning: 'A value is valid but not on this system as it stands.' },
};

export type ErrorCode =
  | 'FAILED'
  | 'USAGE'
  | 'NO_SUCH_POOL'
  | 'NOT_RUNNING'
  | 'NOT_ANSWERING'
  | 'ALREADY_RUNNING'
  | 'NOT_ALLOWED'
  | 'BUSY'
  | 'POOL_STOPPED'
  | 'POOL_PAUSED'
  | 'POOL_FAILED'
  | 'RELOAD_FAILED'
  | 'UPGRADE_FAILED'
  | 'CONFIG_MISSING'
  | 'CONFIG_SYNTAX'
  | 'CONFIG_UNKNOWN_KEY'
  | 'CONFIG_VALUE'
  | 'CONFIG_REQUIRED'
  | 'CONFIG_CONFLICT'
  | 'CONFIG_NOT_YET'
  | 'CONFIG_VARIABLE'
  | 'CONFIG_POOL_NAME'
  | 'CONFIG_SYSTEM';

/** Where in the configuration an error lies; line and column count from 1. */
export interface Place {
  readonly file?: string;
  readonly line?: number;
  readonly column?: number;
  readonly key?: string;
}

/** A part of a message that concerns one pool: only its own user may read it. */
export interface Part {
  /** null: it is not known; then `file` may tell. */
  readonly pool: string | null;
  /** The file of the configuration that it is about; null: none. */
  readonly file: string | null;
  readonly text: string;
}

/** For whom the rest of a message is none of their business. */
export const NOT_YOURS =
  "there are errors that do not concern your pools; fpm-ts's administrator can read them with `fpm-ts status`";

/** A message made of its parts, for somebody who may read only some of them. */
export function messageOf(parts: readonly Part[], mayRead: (part: Part) => boolean): string {
  const own = parts.filter(mayRead).map(({ text }) => text);
  return [...own, ...(own.length < parts.length || own.length === 0 ? [NOT_YOURS] : [])].join('\n');
}

/** An error that a user caused or can mend: printed as its message, never as a stack trace. */
export class FpmError extends Error {
  readonly code: ErrorCode;
  readonly place: Place;
  /** Of which the message is made, where its parts concern several pools. */
  readonly parts: readonly Part[];

  constructor(code: ErrorCode, message: string, place: Place = {}, parts: readonly Part[] = []) {
    super(message);
    this.name = 'FpmError';
    this.code = code;
    this.place = place;
    this.parts = parts;
  }

  /** The exit code of a command that ends with this error. */
  get exitCode(): ExitCode {
    return ERRORS[this.code].exit;
  }
}
