/** A script that may be run, as `locate` hands it to `launch`: everything is a descriptor, so nothing can be exchanged. */
export interface LocatedScript {
  /** The script itself (O_PATH), close-on-exec; whoever takes this value closes it. */
  readonly file: number;
  /** The working directory (O_PATH), close-on-exec; closed by the same. */
  readonly directory: number;
  /** Where it really stands, absolute: for the log, as the key of what runs, and for `scriptPaths`. Any bytes but NUL. */
  readonly path: Buffer;
  /** What runs it, when it is not to be executed by itself: absolute, called with the script as its only argument. */
  readonly interpreter: string | null;
  /**
   * The request's variables as they are corrected for it, over those of the request: SCRIPT_NAME and SCRIPT_FILENAME
   * always, PATH_INFO and PATH_TRANSLATED where there is one. SCRIPT_FILENAME is the name that was asked for (argv[0]).
   */
  readonly variables: ReadonlyMap<string, Buffer>;
}

/** Why no script is run: what the client is told, and what the log. */
export interface Refusal {
  readonly status: number;
  /** One line for the log: what, where, why, and what to do. */
  readonly reason: string;
}

export function isRefusal(result: object): result is Refusal {
  return 'reason' in result;
}
