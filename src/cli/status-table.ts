/** `status` for people: a line a pool, and for one pool a line a worker. */
import type { PoolStatus, Status } from '../observe/status.ts';
import { columns } from './columns.ts';

export function statusTable(status: Status, withWorkers: boolean): string {
  const { last_reload: reload } = status;
  const lines = [
    `fpm-ts ${status.version}, ${status.state}, pid ${status.pid}, up ${duration(status.uptime_seconds)}`,
    ...(status.reason === '' ? [] : [status.reason]),
    ...(reload !== null && !reload.ok ? [`the last reload (${reload.at}) failed: ${reload.message}`] : []),
    ...(status.config_changed_on_disk === true
      ? ['the configuration on disk has changed since it was loaded']
      : []),
    ...(status.needs_restart ?? []).map(
      ({ key, running, wanted }) =>
        `${key} is ${said(running)} and the files say ${said(wanted)}: only a restart of fpm-ts applies it`,
    ),
    '',
    status.pools.length === 0 ? 'no pools' : poolTable(status.pools),
    ...status.pools.filter(({ reason }) => reason !== '').map(({ name, reason }) => `${name}: ${reason}`),
  ];
  if (withWorkers) lines.push('', ...status.pools.map(workerTable));
  return lines.join('\n');
}

function said(value: unknown): string {
  return value === null ? 'not set' : JSON.stringify(value);
}

function poolTable(pools: readonly PoolStatus[]): string {
  const head = ['POOL', 'STATE', 'WORKERS', 'IDLE', 'ACTIVE', 'QUEUE', 'CRASHED', 'LISTENS ON'];
  return columns([
    head,
    ...pools.map(({ name, state, workers, pm, queue, counters, listen }) => [
      name,
      state,
      `${workers.total}/${pm.max_children}`,
      known(workers.idle),
      known(workers.active),
      known(queue.length),
      known(counters.crashed),
      listen.address,
    ]),
  ]);
}

function workerTable({ processes }: PoolStatus): string {
  return columns([
    ['PID', 'STATE', 'BUSY FOR', 'UP', 'CPU s', 'RSS MB', 'GENERATION'],
    ...processes.map(it => [
      String(it.pid),
      `${it.state ?? 'ready'}${it.adopted ? ', adopted' : ''}`,
      it.connection_seconds === null ? '-' : `${it.connection_seconds.toFixed(1)}s`,
      duration(it.uptime_seconds),
      known(it.cpu_seconds),
      it.rss_bytes === null ? '-' : (it.rss_bytes / 1e6).toFixed(1),
      known(it.generation),
    ]),
  ]);
}

/** What cannot be known shows as a dash. */
function known(value: number | null): string {
  return value === null ? '-' : String(value);
}

function duration(seconds: number): string {
  if (seconds < 60) return `${Math.floor(seconds)}s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes}m ${Math.floor(seconds % 60)}s`;
  const hours = Math.floor(minutes / 60);
  return hours < 24 ? `${hours}h ${minutes % 60}m` : `${Math.floor(hours / 24)}d ${hours % 24}h`;
}
