/** What the C program `inspect` says of itself. */
import type { ConnectAddress } from '../../src/client/pool-target.ts';
import { askPool } from './ask-pool.ts';

type Triple = readonly [real: number, effective: number, saved: number];
/** -1 is no limit. */
type SoftAndHard = readonly [soft: number, hard: number];

export interface Inspection {
  readonly pid: number;
  readonly pgid: number;
  readonly sid: number;
  readonly uid: Triple;
  readonly gid: Triple;
  readonly groups: readonly number[];
  readonly no_new_privileges: boolean;
  readonly umask: string;
  readonly nice: number;
  readonly cwd: string;
  readonly stdin_nonblocking: boolean;
  readonly descriptors: readonly number[];
  readonly limits: Readonly<Record<'files' | 'core' | 'nproc' | 'as' | 'memlock', SoftAndHard>>;
  /** Signal numbers. */
  readonly blocked: readonly number[];
  readonly ignored: readonly number[];
  readonly argv: readonly string[];
  /** NAME=VALUE. */
  readonly environment: readonly string[];
  /** Names in `/`. */
  readonly root: readonly string[];
}

/** Asks a pool of `inspect` over its socket. */
export async function inspectPool(address: ConnectAddress): Promise<Inspection> {
  return JSON.parse(await askPool(address)) as Inspection;
}

/** The same from a line that `inspect --stderr` wrote. */
export function parseInspection(line: string): Inspection {
  return JSON.parse(line) as Inspection;
}
