/** fpm-ts as a service of a real systemd, by the unit that is packaged. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { CommandResult } from './command.ts';
import { notThereYet } from './daemon.ts';
import { ask } from './http.ts';
import { MAIN, REPOSITORY } from './paths.ts';
import type { Place } from './place.ts';
import { until } from './poll.ts';
import type { Status } from './status.ts';
import { type Systemd, startSystemd } from './systemd.ts';

export const UNIT = 'fpm-ts.service';
/** The default, in its /run. */
const CONTROL = '/run/fpm-ts/control.sock';
export interface Service {
  readonly systemd: Systemd;
  readonly status: () => Promise<Status>;
  /** Waits until the unit is active and its pools run, as `seen` says. */
  readonly statusWhen: (what: string, seen: (status: Status) => boolean) => Promise<Status>;
  /** `fpm-ts ...args` beside the daemon, in its namespaces. */
  readonly cli: (...args: string[]) => Promise<CommandResult>;
  readonly log: () => string;
}

/**
 * The unit as it is packaged, but for where its program, its configuration and its log are.
 * @param more lines of the service's section
 */
export async function installService(place: Place, more = ''): Promise<Service> {
  const systemd = await startSystemd(place);
  const log = join(place.dir, 'fpm-ts.log');
  const program = [process.execPath, MAIN, '-c', join(place.dir, 'fpm-ts.toml')];
  const lines = ['start', 'reload'].flatMap(command => {
    const key = command === 'start' ? 'ExecStart' : 'ExecReload';
    return [`${key}=`, `${key}=${program.join(' ')} ${command}`];
  });
  const output = ['StandardOutput', 'StandardError'].map(key => `${key}=append:${log}`);
  await systemd.unit(UNIT, readFileSync(join(REPOSITORY, 'packaging/systemd', UNIT), 'utf8'));
  await systemd.unit(`${UNIT}.d/test.conf`, ['[Service]', ...lines, ...output, more, ''].join('\n'));
  const service: Service = {
    systemd,
    status: async () => {
      const { text } = await ask('http://localhost/v1/status', { socketPath: systemd.path(CONTROL) });
      return JSON.parse(text) as Status;
    },
    statusWhen: (what, seen) =>
      until(
        async () => {
          if ((await systemd.show(UNIT, 'ActiveState')) !== 'active') return undefined;
          const status = await service.status().catch(notThereYet);
          return status?.pools.every(({ state }) => state === 'running') && seen(status) ? status : undefined;
        },
        { what, deadlineMs: 20_000, explain: () => `${systemd.log()}\n${service.log()}` },
      ),
    cli: (...args) => systemd.run(process.execPath, ...program.slice(1), ...args),
    log: () => readFileSync(log, 'utf8'),
  };
  return service;
}

/** The last of the pids in /proc/PID/status is that of the innermost namespace. */
export function innerPid(pid: number): number {
  const status = readFileSync(`/proc/${pid}/status`, 'latin1');
  return Number(/^NSpid:.*\t(\d+)$/m.exec(status)?.[1]);
}
