/** The pools of a soak: every kind of process management, both transports, programs that are graceful and not. */
import { join } from 'node:path';
import { compileFixture } from '../lib/compile.ts';
import type { Instance } from '../lib/instance.ts';
import type { Journal } from '../lib/journal.ts';
import { type PoolKeys, poolText } from '../lib/pools.ts';
import { freePort } from '../lib/ports.ts';

/** Its value in a worker's environment says whose it is, whatever the product says. */
export const OWNER_VARIABLE = 'FPM_TS_SOAK_POOL';

export type Mode = 'static' | 'dynamic' | 'ondemand';

export interface SoakPool {
  readonly name: string;
  readonly mode: Mode;
  /** pm.max_children. */
  readonly most: number;
  /** How many there are at least when nothing is to be done. */
  readonly least: number;
  /** A Unix socket's path; null: TCP. */
  readonly path: string | null;
  readonly port: number | null;
  /** Its workers have requests in hand nearly all the time. */
  readonly isSlow: boolean;
  /** What a client waits between two requests, at most. */
  readonly pauseMs: number;
  /** The text of its file; another version is another configuration. */
  text(version: number): string;
  /** The same with a program that ends at once. */
  badText(): string;
}

interface Kind {
  readonly name: string;
  readonly program: 'storm' | 'php-cgi';
  readonly isSlow?: boolean;
  readonly transport: 'unix' | 'tcp';
  readonly mode: Mode;
  readonly most: number;
  readonly pauseMs?: number;
}

/** `storm` dies of SIGTERM in the middle of a request; php-cgi finishes it. */
const KINDS: readonly Kind[] = [
  { name: 'plain-unix', program: 'storm', transport: 'unix', mode: 'static', most: 3 },
  { name: 'plain-tcp', program: 'storm', transport: 'tcp', mode: 'static', most: 3 },
  { name: 'php-unix', program: 'php-cgi', transport: 'unix', mode: 'static', most: 2 },
  { name: 'php-tcp', program: 'php-cgi', transport: 'tcp', mode: 'dynamic', most: 5 },
  { name: 'dynamic-unix', program: 'storm', transport: 'unix', mode: 'dynamic', most: 6 },
  // Pauses longer than their idle timeout, so that they are at rest now and then.
  { name: 'demand-unix', program: 'storm', transport: 'unix', mode: 'ondemand', most: 3, pauseMs: 4000 },
  { name: 'demand-tcp', program: 'php-cgi', transport: 'tcp', mode: 'ondemand', most: 3, pauseMs: 4000 },
  { name: 'slow-unix', program: 'storm', isSlow: true, transport: 'unix', mode: 'static', most: 3 },
  { name: 'slow-tcp', program: 'storm', isSlow: true, transport: 'tcp', mode: 'dynamic', most: 4 },
];

const PM: Readonly<Record<Mode, PoolKeys>> = {
  static: {},
  dynamic: { 'pm.start_servers': 2, 'pm.min_spare_servers': 1, 'pm.max_spare_servers': 3 },
  ondemand: { 'pm.process_idle_timeout': '1s' },
};

/** Longer than any request of theirs. */
const TIMES: PoolKeys = { start_timeout: '10s', process_control_timeout: '10s' };

const PAUSE_MS = 150;
const QUICK_MS = 5;
const SLOW_MS = 1500;

export async function soakPools(instance: Instance, journal: Journal): Promise<readonly SoakPool[]> {
  const storm = instance.addProgram(await compileFixture('storm', ['-pthread']));
  const php = instance.addProgram('/usr/bin/php-cgi');
  const pools: SoakPool[] = [];
  for (const kind of KINDS) {
    const { name, program, isSlow = false, transport, mode, most, pauseMs = PAUSE_MS } = kind;
    const path = transport === 'unix' ? join(instance.runDir, `${name}.sock`) : null;
    const port = transport === 'tcp' ? await freePort() : null;
    const command =
      program === 'storm'
        ? [storm, `--journal=${journal.dir}`, `--delay-ms=${isSlow ? SLOW_MS : QUICK_MS}`]
        : [php];
    const text = (argv: readonly string[], version: number): string =>
      poolText({
        command: argv,
        stop_is_graceful: program === 'php-cgi',
        'listen.address': path ?? `127.0.0.1:${port}`,
        'pm.mode': mode,
        'pm.max_children': most,
        ...PM[mode],
        ...TIMES,
        [`env.${OWNER_VARIABLE}`]: name,
        'env.VERSION': String(version),
      });
    pools.push({
      name,
      mode,
      most,
      least: { static: most, dynamic: 1, ondemand: 0 }[mode],
      path,
      port,
      isSlow,
      pauseMs,
      text: version => text(command, version),
      badText: () => text(['/bin/false'], 0),
    });
  }
  return pools;
}
