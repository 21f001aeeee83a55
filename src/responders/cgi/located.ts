/** A script that may be run, as `locate` hands it to `launch`: everything is a descriptor, so nothing can be exchanged. */
export interface LocatedScript {
  /** The script itself (O_PATH), close-on-exec; whoever takes this value closes it. */
  readonly file: number;
  /** The working directory (O_PATH), close-on-exec; closed by the same. */
  readonly directory: number;
  /** Where it really stands, for argv[0] and the log. */
  readonly path: string;
  /** What runs it, when it is not to be executed by itself. */
  readonly interpreter: string | null;
  /** The request's variables as they are corrected for it: SCRIPT_NAME, SCRIPT_FILENAME, PATH_INFO, PATH_TRANSLATED. */
  readonly variables: Readonly<Record<string, string>>;
}

/** Why no script is run: what the client is told, and what the log. */
export interface Refusal {
  readonly status: number;
  /** One line for the log: what, where, why, and what to do. */
  readonly reason: string;
}
