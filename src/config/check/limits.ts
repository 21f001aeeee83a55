/** What the kernel allows: resource limits, priorities, queue lengths, and the sum of all workers. */
import { type Limit as OsLimit, type Resource, readLimit } from '../../os/limits.ts';
import { read } from '../../os/proc.ts';
import { rlimitsOf } from '../rlimits.ts';
import type { GlobalConfig, PoolConfig } from '../types.ts';
import { argumentsMax } from './arguments.ts';
import type { Report } from './findings.ts';
import type { Self } from './self.ts';

/** The hard limits that a worker would inherit, and the kernel's own; a parameter so that tests can say theirs. */
export interface SystemLimits {
  hard(resource: Resource): number;
  /** fs.nr_open: above it nobody can set the limit of files. */
  readonly filesMax: number;
  readonly somaxconn: number;
  /** The nice value down to which RLIMIT_NICE lets us go. */
  readonly nicenessMin: number;
  readonly oomScoreAdj: number;
  /** Bytes that arguments and environment of a new program may take up together. */
  readonly argumentsMax: number;
}

export function readSystemLimits(): SystemLimits {
  return {
    hard: resource => readLimit(resource).hard,
    filesMax: number('/proc/sys/fs/nr_open') ?? Number.POSITIVE_INFINITY,
    somaxconn: number('/proc/sys/net/core/somaxconn') ?? Number.POSITIVE_INFINITY,
    nicenessMin: nicenessFrom(readLimit('nice')),
    oomScoreAdj: number('/proc/self/oom_score_adj') ?? 0,
    argumentsMax: argumentsMax(readLimit('stack').soft),
  };
}

/** getrlimit(2): RLIMIT_NICE is 20 minus the nice value. */
function nicenessFrom({ soft }: OsLimit): number {
  return Math.max(-20, 20 - soft);
}

function number(path: string): number | null {
  const text = read(path)?.trim();
  return text === undefined ? null : Number(text);
}

export function checkLimits(pool: PoolConfig, self: Self, system: SystemLimits, report: Report): void {
  for (const [name, wanted] of rlimitsOf(pool)) {
    checkRlimit(name, wanted === 'unlimited' ? Number.POSITIVE_INFINITY : wanted, self, system, report);
  }
  checkPriorities(pool, self, system, report);
  if (pool.listen.backlog > system.somaxconn && ['unix', 'tcp'].includes(pool.listen.address.type)) {
    const message = `the kernel shortens a backlog of ${pool.listen.backlog} to net.core.somaxconn, ${system.somaxconn}`;
    report.notice('listen.backlog', message, `sysctl net.core.somaxconn=${pool.listen.backlog}`);
  }
}

function checkRlimit(name: Resource, wanted: number, self: Self, system: SystemLimits, report: Report): void {
  const key = `rlimit_${name}`;
  if (name === 'files' && wanted > system.filesMax) {
    const message = `${said(wanted, name)} is above fs.nr_open, ${system.filesMax}, which nobody can exceed`;
    report.error(key, message, `at most ${system.filesMax}, or raise fs.nr_open`);
    return;
  }
  const hard = system.hard(name);
  if (wanted <= hard || self.capabilities.has('sys_resource')) return;
  const message = `${said(wanted, name)} is above the hard limit, ${said(hard, name)}, which only CAP_SYS_RESOURCE can raise`;
  report.error(
    key,
    message,
    `at most ${said(hard, name)}; or raise it where fpm-ts is started (systemd: ${SYSTEMD[name]}=)`,
  );
}

const SYSTEMD: Readonly<Record<Resource, string>> = {
  files: 'LimitNOFILE',
  core: 'LimitCORE',
  nproc: 'LimitNPROC',
  as: 'LimitAS',
  memlock: 'LimitMEMLOCK',
  nice: 'LimitNICE',
  stack: 'LimitSTACK',
};

const IN_BYTES: ReadonlySet<Resource> = new Set(['core', 'as', 'memlock', 'stack']);

function said(value: number, name: Resource): string {
  if (value === Number.POSITIVE_INFINITY) return '"unlimited"';
  return IN_BYTES.has(name) ? `${value} bytes` : String(value);
}

function checkPriorities(pool: PoolConfig, self: Self, system: SystemLimits, report: Report): void {
  const { priority, oomScoreAdj } = pool.process;
  if (priority < Math.min(0, system.nicenessMin) && !self.capabilities.has('sys_nice')) {
    const message = `${priority} raises the priority, which needs CAP_SYS_NICE`;
    report.error('process.priority', message, 'grant CAP_SYS_NICE, or choose 0 or more');
  }
  if (oomScoreAdj !== 0 && oomScoreAdj < system.oomScoreAdj && !self.capabilities.has('sys_resource')) {
    const message = `${oomScoreAdj} is below our own, ${system.oomScoreAdj}, which needs CAP_SYS_RESOURCE`;
    report.error(
      'process.oom_score_adj',
      message,
      `grant CAP_SYS_RESOURCE, or choose ${system.oomScoreAdj} or more`,
    );
  }
}

/** `process.max` must hold what the pools start with: all of a static pool, the start servers of a dynamic one. */
export function checkWorkerSum(config: GlobalConfig, report: Report): void {
  const { max } = config.process;
  const needs = config.pools
    .filter(pool => pool.enabled)
    .map(pool => ({ name: pool.name, workers: leastOf(pool) }));
  const sum = needs.reduce((total, { workers }) => total + workers, 0);
  if (max === 0 || sum <= max) return;
  const list = needs.filter(({ workers }) => workers > 0).map(({ name, workers }) => `${name} ${workers}`);
  const message = `${max} is below the ${sum} workers that the pools start with (${list.join(', ')})`;
  report.error('process.max', message, `at least ${sum}, or 0 for no limit; or lower pm.max_children`);
}

function leastOf({ pm }: PoolConfig): number {
  if (pm.mode === 'static') return pm.maxChildren;
  return pm.mode === 'dynamic' ? (pm.startServers ?? 0) : 0;
}
