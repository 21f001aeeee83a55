/**
 * What a pool's user reaches from within a worker and beside it: nothing of keeper and supervisor, nothing of other
 * pools, and no process on its way to a worker while it is still root's.
 */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync, readlinkSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type CommandResult, runCommand } from '../lib/command.ts';
import { startDaemon } from '../lib/daemon.ts';
import { scriptPool } from '../lib/pools.ts';
import { workerPids } from '../lib/status.ts';
import { suite } from '../lib/suite.ts';

const SECRET = 'nobody-else-reads-this';
const AS_WORKER = ['setpriv', '--reuid=www-data', '--regid=www-data', '--clear-groups'];

/** Each line of output is a way that was open. */
const LOOK = `
for pid in "$@"; do
  for file in environ maps mem auxv io stack; do
    head -c 1 /proc/$pid/$file > /dev/null 2>&1 && test -n "$(head -c 1 /proc/$pid/$file 2> /dev/null | tr -d '\\0')" && echo "$pid $file"
  done
  for link in exe cwd root fd/0 fd/1 fd/2 fd/3; do readlink /proc/$pid/$link 2> /dev/null; done
  ls /proc/$pid/fd 2> /dev/null
  for signal in 0 STOP USR1 TERM; do kill -$signal $pid 2> /dev/null && echo "$pid kill -$signal"; done
done
true`;

/** Traces whatever child of the keeper it can, and says which program that is and with which capabilities. */
const TRACE = `
my ($keeper) = @ARGV;
my ($SEIZE, $DETACH) = (0x4206, 17);
my $ptrace = (qx(uname -m) =~ /x86_64/) ? 101 : 117;
my %done;
$| = 1;
print "begun\\n";
while (1) {
  open(my $children, '<', "/proc/$keeper/task/$keeper/children") or last;
  for my $pid (split ' ', <$children> // '') {
    next if $done{$pid};
    next if syscall($ptrace, $SEIZE, $pid + 0, 0, 0) != 0;
    my $exe = readlink("/proc/$pid/exe") // '?';
    my ($caps) = map { /^CapEff:\\s+(\\S+)/ ? $1 : () } do { open my $f, '<', "/proc/$pid/status"; <$f> };
    print "$pid $exe " . ($caps // '?') . "\\n";
    $done{$pid} = 1;
    syscall($ptrace, $DETACH, $pid + 0, 0, 0);
  }
}`;

suite('root/worker-reach', { root: true, needs: ['setpriv'] }, async scope => {
  const pool = (user: string, workers: number): string =>
    scriptPool('exec sleep 1000', {
      user,
      'pm.max_children': workers,
      'env.SECRET': SECRET,
      'process.no_new_privileges': true,
    });
  const daemon = await startDaemon(scope, { pools: { own: pool('www-data', 12), other: pool('daemon', 1) } });
  const { supervisor_pid: supervisor } = await daemon.status();
  const pidsOf = async (name: string): Promise<number[]> => workerPids(await daemon.status(), name);
  const asWorker = (...command: string[]): Promise<CommandResult> =>
    runCommand('env', [...AS_WORKER, ...command]);

  await scope.test(
    'memory, environment, descriptors and signals of keeper, supervisor and other pools',
    async () => {
      const closed = [daemon.pid, supervisor, ...(await pidsOf('other'))].map(String);
      const { stdout } = await asWorker('/bin/sh', '-c', LOOK, 'sh', ...closed);
      assert.equal(stdout, '');
      const [own = 0] = await pidsOf('own');
      const { stdout: seen } = await asWorker('cat', `/proc/${own}/environ`);
      assert.ok(seen.includes(SECRET), 'the look itself works: its own is open to it');
      for (const pid of [daemon.pid, supervisor, ...(await pidsOf('own'))]) {
        const { stdout: line } = await asWorker('cat', `/proc/${pid}/cmdline`);
        assert.ok(!line.includes(SECRET), line);
      }
    },
  );

  await scope.test('the state, which holds the variables of pools, is open to root alone', async () => {
    const journal = join(daemon.runDir, 'state.journal');
    assert.ok(readFileSync(journal, 'latin1').includes(SECRET), 'it holds them');
    const { uid, mode } = statSync(journal);
    assert.deepEqual([uid, mode & 0o777], [0, 0o600]);
    assert.notEqual((await asWorker('cat', journal)).code, 0);
    const { stdout } = await asWorker(
      'find',
      daemon.runDir,
      '-type',
      'f',
      '-readable',
      '-exec',
      'cat',
      '{}',
      '+',
    );
    assert.ok(!stdout.includes(SECRET));
    const changed = await asWorker(
      '/bin/sh',
      '-c',
      'touch "$0/x"; mv "$0/control.sock" "$0/y"; rm "$0/state.journal"; ls "$0"',
      daemon.runDir,
    );
    assert.ok(!/^[xy]$/m.test(changed.stdout) && /^state\.journal$/m.test(changed.stdout), changed.stdout);
  });

  await scope.test('three descriptors, and pipes of its own', async () => {
    const pipes = new Set<string>();
    const workers = [...(await pidsOf('own')), ...(await pidsOf('other'))];
    for (const pid of workers) {
      assert.deepEqual(readdirSync(`/proc/${pid}/fd`), ['0', '1', '2']);
      for (const fd of [1, 2]) pipes.add(readlinkSync(`/proc/${pid}/fd/${fd}`));
    }
    assert.equal(pipes.size, 2 * workers.length);
    const [other = 0] = await pidsOf('other');
    const { code } = await asWorker('/bin/sh', '-c', `echo forged > /proc/${other}/fd/2`);
    assert.notEqual(code, 0);
  });

  await scope.test(
    'nothing can be traced before it has the rights of the worker: no helper of root, no capability',
    async () => {
      const program = join(scope.dir, 'trace.pl');
      writeFileSync(program, TRACE, { mode: 0o644 });
      const tracer = spawn('env', [...AS_WORKER, 'perl', program, String(daemon.pid)], {
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      scope.defer(() => void tracer.kill('SIGKILL'));
      let traced = '';
      tracer.stdout.on('data', chunk => (traced += chunk));
      await once(tracer.stdout, 'data');
      for (let at = 0; at < 3; at++) assert.equal((await daemon.cli('reload', 'own')).code, 0);
      tracer.kill('SIGKILL');
      await once(tracer, 'close');
      const found = traced.split('\n').slice(1, -1);
      assert.ok(found.length > 20, traced);
      for (const line of found)
        assert.match(line, /^\d+ \/\S*\/(dash|sh|bash|busybox|sleep|env|coreutils) 0{16}$/);
    },
  );
});
