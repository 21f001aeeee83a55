/** What `fpm-ts cgi` was told on its command line. */
import type { ServerProtocol } from '../../protocols/names.ts';

export interface CgiSettings {
  readonly protocol: ServerProtocol;
  /** Directories that scripts may stand in, absolute; none: only `programs` run. */
  readonly roots: readonly string[];
  /** Suffixes that scripts must have one of, with their dot; none: any name. */
  readonly extensions: readonly string[];
  /** When not empty, only these files are run, absolute. */
  readonly programs: readonly string[];
  /** Suffix, with its dot, to the absolute path of what runs such a script; its run bit does not matter then. */
  readonly interpreters: ReadonlyMap<string, string>;
  /** Scripts get their path as $0 instead of a descriptor: an exchange between check and run is possible then. */
  readonly scriptPaths: boolean;
  /** User (name or uid) to become when started as root; null: not root. */
  readonly user: string | null;
  /** Set for each script, beside its request's variables. */
  readonly env: Readonly<Record<string, string>>;
  /** Scripts at once, and of one script at once; 0 = no limit of its own. */
  readonly maxScripts: number;
  readonly maxPerScript: number;
  /** Requests that may wait for a place; more are answered with 503. */
  readonly maxQueue: number;
  /** Wall time of a script from its start; 0 = no limit. */
  readonly timeoutMs: number;
  /** From SIGTERM to SIGKILL. */
  readonly killAfterMs: number;
  /** CPU seconds, bytes of address space, bytes of a file it writes; 0 = no limit of its own. */
  readonly maxCpuSeconds: number;
  readonly maxMemoryBytes: number;
  readonly maxFileBytes: number;
  readonly maxParamsBytes: number;
}
