/**
 * This machine's system as a private copy: an overlay over its files in namespaces of its own, where packages may be
 * installed and removed for good, and nothing of it reaches the machine. Its processes end with it.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type CommandResult, cleanEnvironment, runCommand } from './command.ts';
import type { Place } from './place.ts';
import { until } from './poll.ts';
import { descendants } from './processes.ts';

export interface PrivateRoot {
  /** Runs a command in it; without a terminal, and with nothing of this test's environment but PATH. */
  readonly run: (command: string, ...args: string[]) => Promise<CommandResult>;
  /** Files and links that are not as on the machine, deleted ones too; not what is in /run and /tmp, nor empty directories. */
  readonly changes: () => Promise<string[]>;
  /** Where a file of this machine shows in it: a directory of the place, at the same path. */
  readonly shared: string;
}

/** The upper layer is memory, so that no file system has to be one that overlays can be put on. */
const SETUP = `
set -e
dir=$1
mount -t tmpfs -o mode=0755 tmpfs "$dir/layers"
mkdir "$dir/layers/upper" "$dir/layers/work" "$dir/layers/root"
root=$dir/layers/root
mount -t overlay overlay -o "lowerdir=/,upperdir=$dir/layers/upper,workdir=$dir/layers/work" "$root"
mount -t proc proc "$root/proc"
mount --rbind /dev "$root/dev"
mount -t tmpfs -o mode=0755 tmpfs "$root/run"
mount -t tmpfs -o mode=1777 tmpfs "$root/tmp"
mkdir -p "$root$dir/shared"
mount --bind "$dir/shared" "$root$dir/shared"
rm -f "$root/usr/sbin/policy-rc.d"
touch "$dir/shared/.ready"
sleep infinity &
wait # and reaps, as the first process of a system does
`;

export async function openPrivateRoot(place: Place): Promise<PrivateRoot> {
  const { dir } = place;
  const shared = join(dir, 'shared');
  for (const path of [join(dir, 'layers'), shared]) mkdirSync(path);
  const script = join(dir, 'private-root.sh');
  writeFileSync(script, SETUP);
  const child = spawn('unshare', ['--mount', '--pid', '--fork', '--kill-child', 'sh', script, dir], {
    stdio: ['ignore', 'ignore', 'pipe'],
    env: cleanEnvironment(),
  });
  let complaint = '';
  child.stderr.on('data', (chunk: Buffer) => {
    complaint += chunk.toString();
  });
  const exited = once(child, 'exit');
  place.defer(async () => {
    child.kill('SIGKILL'); // with it pid 1 of the namespace, every process in it, and the mounts
    await exited;
  });
  const init = await until(
    () => {
      if (child.exitCode !== null) throw new Error(`no private root: ${complaint}`);
      return descendants(child.pid ?? 0)[0]?.pid;
    },
    { what: 'the namespaces', explain: () => complaint },
  );
  const enter = ['--target', String(init), '--mount', '--pid'];
  await until(async () => (await runCommand('test', ['-e', join(shared, '.ready')])).code === 0, {
    what: 'the private root',
    explain: () => complaint,
  });
  const env = { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', LC_ALL: 'C.UTF-8', DEBIAN_FRONTEND: 'noninteractive' };
  const inside = (...command: string[]): Promise<CommandResult> =>
    runCommand('nsenter', [...enter, '--', ...command], { env });
  return {
    shared,
    run: (command, ...args) => inside('chroot', join(dir, 'layers/root'), command, ...args),
    async changes() {
      const upper = join(dir, 'layers/upper');
      const { stdout } = await inside('find', upper, '-not', '-type', 'd', '-printf', '/%P\\n');
      return stdout
        .split('\n')
        .filter(path => path !== '')
        .sort();
    },
  };
}
