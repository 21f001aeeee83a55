/**
 * A real systemd as pid 1, in namespaces of its own: pids, mounts, cgroups, IPC and host name. It has /run and /sys/fs/
 * cgroup for itself, sees the rest of the machine read-only but for /tmp, and ends with the place.
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  rmdirSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { type CommandResult, runCommand } from './command.ts';
import { parseMessages } from './notified.ts';
import { FIXTURES } from './paths.ts';
import type { Place } from './place.ts';
import { until } from './poll.ts';

const PROGRAM = '/lib/systemd/systemd';

/** What systemd wants to exist; each service comes after the first and ends before the last (bootup(7)). */
const TARGETS = ['default', 'sysinit', 'basic', 'sockets', 'network', 'nss-user-lookup', 'shutdown'];

export interface Systemd {
  /** Its pid as we see it. */
  readonly pid: number;
  /** Where we see a path of its file system. */
  path(path: string): string;
  /** Writes a unit file or a drop-in (`NAME.d/FILE.conf`), and has it read. */
  unit(name: string, text: string): Promise<void>;
  /** `systemctl`, which fails where it fails. @returns what it wrote */
  systemctl(...args: string[]): Promise<string>;
  /** A command in its namespaces, that may fail. */
  run(command: string, ...args: string[]): Promise<CommandResult>;
  /** A property of a unit, as `systemctl show` writes it. */
  show(unit: string, property: string): Promise<string>;
  /** All processes of a unit, by our pids. */
  processes(unit: string): number[];
  /** What it has logged. */
  log(): string;
}

/** Where cgroups of version 2 are; undefined: there are none, or we may not make one. */
function cgroupRoot(): string | undefined {
  const mounts = readFileSync('/proc/self/mounts', 'utf8').split('\n');
  return mounts.map(line => line.split(' ')).find(([, , type]) => type === 'cgroup2')?.[1];
}

/** @returns why it cannot be had here; undefined: it can */
export function systemdObstacle(): string | undefined {
  if (cgroupRoot() === undefined) return 'there are no cgroups of version 2 here';
  const tried = spawnSync('unshare', [...NAMESPACES, 'true'], { encoding: 'utf8' });
  if (tried.status !== 0) return `namespaces cannot be had here: ${tried.stderr.trim()}`;
  const cgroup = makeCgroup();
  if (typeof cgroup === 'string') {
    rmdirSync(cgroup);
    return undefined;
  }
  return `cgroups cannot be made here: ${cgroup.message}`;
}

const RECEIVER = join(FIXTURES, 'python/notified.py');
const NAMESPACES = ['--pid', '--mount', '--cgroup', '--ipc', '--uts', '--fork', '--propagation=private'];
let cgroups = 0;

function makeCgroup(): string | Error {
  const path = join(cgroupRoot() ?? '', `fpm-ts-test-${process.pid}-${++cgroups}`);
  try {
    mkdirSync(path);
    return path;
  } catch (error) {
    return error as Error;
  }
}

/**
 * What runs before systemd, in its namespaces. `$1`: the place's directory; `$2`: what receives its log; `$3`: where
 * not empty, packages may be installed, into layers of memory, and no unit of the machine's own is there.
 */
const SETUP = `set -e
mount --bind /tmp /tmp
mount -o remount,bind,ro /
if [ -n "$3" ]; then
  mkdir "$1/layers"
  mount -t tmpfs none "$1/layers"
  for part in etc usr var; do
    mkdir -p "$1/layers/$part/upper" "$1/layers/$part/work"
    mount -t overlay none -o "lowerdir=/$part,upperdir=$1/layers/$part/upper,workdir=$1/layers/$part/work" "/$part"
  done
  rm -f /usr/sbin/policy-rc.d
  mount -t tmpfs -o mode=755 none /etc/systemd/system
  mount -t tmpfs -o mode=755 none /usr/lib/systemd/system
fi
mount -t cgroup2 none /sys/fs/cgroup
mount -t tmpfs -o mode=755 none /run
mount -t proc none /proc
mkdir -p /run/systemd/journal
python3 "$2" /run/systemd/journal/socket &
exec env -i PATH="$PATH" container=fpm-ts-test SYSTEMD_UNIT_PATH="$1/units\${3:+:/etc/systemd/system:/lib/systemd/system}" SYSTEMD_LOG_TARGET=journal \\
  ${PROGRAM} --system --unit=default.target`;

/** @param options `packages`: dpkg may install and remove, and what it does is gone at the end */
export async function startSystemd(place: Place, options: { packages?: boolean } = {}): Promise<Systemd> {
  const { dir } = place;
  const units = join(dir, 'units');
  const logFile = join(dir, 'systemd.log');
  mkdirSync(units);
  for (const name of TARGETS)
    writeFileSync(join(units, `${name}.target`), '[Unit]\nDefaultDependencies=no\n');
  const cgroup = makeCgroup();
  if (typeof cgroup !== 'string') throw cgroup;
  const output = openSync(logFile, 'a');
  const enter = 'echo $$ > "$0/cgroup.procs" && exec "$@"';
  const child = spawn(
    '/bin/sh',
    [
      '-c',
      enter,
      cgroup,
      'unshare',
      ...NAMESPACES,
      '--kill-child=KILL',
      '/bin/sh',
      '-c',
      SETUP,
      'sh',
      dir,
      RECEIVER,
      options.packages === true ? 'packages' : '',
    ],
    { stdio: ['ignore', output, output], detached: true },
  );
  closeSync(output);
  const exited = once(child, 'exit');
  place.defer(async () => {
    child.kill('SIGKILL'); // the kernel ends its child with it, and with that one everything in the namespace
    await exited;
    await until(() => !/populated 1/.test(readFileSync(join(cgroup, 'cgroup.events'), 'utf8')), {
      what: 'all of its processes to be gone',
    });
    removeCgroups(cgroup);
  });
  const explain = (): string =>
    parseMessages(readFileSync(logFile, 'utf8'))
      .map(({ fields }) => fields.MESSAGE)
      .join('\n');
  const pid = await until(() => initOf(child), { what: 'pid 1', explain });

  const run = (command: string, ...args: string[]): Promise<CommandResult> =>
    runCommand('nsenter', ['-t', String(pid), '-a', command, ...args]);
  async function systemctl(...args: string[]): Promise<string> {
    const { code, stdout, stderr } = await run('systemctl', '--no-pager', ...args);
    if (code !== 0) throw new Error(`systemctl ${args.join(' ')}: ${code}: ${stdout}${stderr}\n${explain()}`);
    return stdout;
  }
  await until(async () => /running|degraded/.test((await run('systemctl', 'is-system-running')).stdout), {
    what: 'systemd to be up',
    explain,
  });
  return {
    pid,
    path: path => `/proc/${pid}/root${path}`,
    async unit(name, text) {
      mkdirSync(join(units, name, '..'), { recursive: true });
      writeFileSync(join(units, name), text);
      await systemctl('daemon-reload');
    },
    systemctl,
    run,
    show: async (unit, property) =>
      (await systemctl('show', '--value', `--property=${property}`, unit)).trim(),
    processes(unit) {
      const file = join(cgroup, 'system.slice', unit, 'cgroup.procs');
      return existsSync(file) ? readFileSync(file, 'utf8').split('\n').filter(Boolean).map(Number) : [];
    },
    log: explain,
  };
}

/** Of unshare's one child; undefined as long as that is not systemd yet. */
function initOf({ pid }: ChildProcess): number | undefined {
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'latin1').trim().split(' ');
  const init = Number(children[0]);
  return init > 0 && readFileSync(`/proc/${init}/comm`, 'latin1').trim() === 'systemd' ? init : undefined;
}

/** Innermost first. */
function removeCgroups(path: string): void {
  for (const entry of readdirSync(path, { withFileTypes: true }))
    if (entry.isDirectory()) removeCgroups(join(path, entry.name));
  rmdirSync(path);
}
