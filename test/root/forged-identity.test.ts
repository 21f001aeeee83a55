/** Names and numbers that anybody can have: a keeper's title, a worker's descriptor, the file of a listener. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, chownSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { readJournal } from '../../src/keeper/handover/journal-reader.ts';
import type { KeeperState } from '../../src/keeper/handover/state.ts';
import { Survivors } from '../../src/keeper/handover/survivors.ts';
import { listenerInode } from '../../src/os/address.ts';
import { isKeeper, KEEPER_TITLE, keeperFor, keepers } from '../../src/os/keepers.ts';
import { readStat } from '../../src/os/proc.ts';
import { ProcessTable } from '../../src/os/process-table.ts';
import { openListeners, specOf } from '../lib/listeners.ts';
import { type Scope, suite } from '../lib/suite.ts';

const ALICE = 4401;

/** Runs Perl in a session of its own until the suite ends. @returns its pid, and what it says in its first line */
async function perl(scope: Scope, as: readonly string[], script: string, ...args: string[]) {
  const command = [...as, 'perl', '-MSocket', '-e', `$| = 1; ${script}; <STDIN>`, ...args];
  const child = spawn('env', command, { stdio: ['pipe', 'pipe', 'inherit'], detached: true });
  scope.defer(async () => {
    child.stdin.end();
    await once(child, 'exit');
  });
  const [line] = (await once(child.stdout, 'data')) as [Buffer];
  return { pid: child.pid ?? 0, said: line.toString().trim() };
}

const NAMED = `$0 = "${KEEPER_TITLE} (/etc/fpm-ts/forged.toml)"; print "named\\n"`;

suite('root/forged-identity', { root: true, needs: ['setpriv'] }, async scope => {
  chmodSync(scope.dir, 0o777);
  const alice = ['setpriv', `--reuid=${ALICE}`, `--regid=${ALICE}`, '--clear-groups', '--'];

  await scope.test('a title is believed of root, and of nobody else', async () => {
    const forged = await perl(scope, alice, NAMED);
    const real = await perl(scope, [], NAMED);
    // As a program with the set-user-ID bit that anybody starts under that name.
    const halfRoot = await perl(scope, ['setpriv', `--ruid=${ALICE}`, '--'], NAMED);
    assert.deepEqual(
      [forged, real, halfRoot].map(({ pid }) => isKeeper(pid)),
      [false, true, false],
    );
    assert.equal(isKeeper(forged.pid, ALICE), true); // who asks for her configuration believes her
    assert.deepEqual(
      keepers().filter(pid => [forged.pid, halfRoot.pid].includes(pid)),
      [],
    );
    assert.equal(keeperFor('/etc/fpm-ts/forged.toml'), real.pid);
  });

  /** Has so many sockets and files of all kinds that the right one is hard to find. */
  const HOLDER = `
    my ($path, $hidden, $other) = @ARGV; my @all;
    for (1 .. 250) {
      socketpair(my $a, my $b, PF_UNIX, SOCK_STREAM, 0) or die; push @all, $a, $b;
      socket(my $udp, PF_INET, SOCK_DGRAM, 0) or die; push @all, $udp;
      socket(my $fake, PF_UNIX, SOCK_STREAM, 0) or die; listen($fake, 1); push @all, $fake;
    }
    my $listening = sub {
      my ($name, $type) = @_; unlink $name;
      socket(my $socket, PF_UNIX, $type, 0) or die; bind($socket, pack_sockaddr_un($name)) or die "$name: $!";
      listen($socket, 8) or die; push @all, $socket;
    };
    $listening->($_, SOCK_STREAM) for $path, $hidden; $listening->($other, SOCK_SEQPACKET);
    print "listens\\n"`;
  const path = join(scope.dir, 'held.sock');
  const hidden = join(scope.dir, 'ours.sock.new');
  const packets = join(scope.dir, 'packets.sock');
  const holder = await perl(scope, alice, HOLDER, path, hidden, packets);
  const inodeAt = (file: string): number => listenerInode(file) ?? 0;

  await scope.test(
    'taken over among a thousand others: the very socket; of another type or gone: refused',
    () => {
      const { listeners } = openListeners(scope);
      const unix = (id: string, file: string) => specOf(id, { type: 'unix', path: file });
      assert.equal(listeners.take(unix('a', path), holder.pid, inodeAt(path)).isLost, false);
      const missing = /has no listening stream socket/;
      assert.throws(() => listeners.take(unix('b', packets), holder.pid, inodeAt(packets)), missing);
      assert.throws(() => listeners.take(unix('c', path), holder.pid, 1), missing);
      const tcp = specOf('d', { type: 'tcp', host: '127.0.0.1', port: 1, dualStack: false });
      assert.throws(() => listeners.take(tcp, holder.pid, inodeAt(path)), missing);
      assert.deepEqual(listeners.ids, ['a']);
    },
  );

  await scope.test('what a survivor holds is believed when it listens where it was opened', () => {
    const worker = { pid: holder.pid, startTicks: readStat(holder.pid)?.startTicks ?? 0, gone: false };
    const found = (at: string, inode: number): boolean => {
      const listener = { spec: specOf('w', { type: 'unix', path: at }), inode };
      const state = {
        listeners: [listener],
        workers: [{ ...worker, spec: { listener: 'w', listenerDescriptor: 0 } }],
      };
      const survivors = new Survivors(state as unknown as KeeperState, new ProcessTable(), new Map());
      return survivors.listener(listener as KeeperState['listeners'][number]) !== null;
    };
    assert.equal(found(hidden.replace(/\.new$/, ''), inodeAt(hidden)), true); // as ours are bound
    assert.equal(found(path, inodeAt(hidden)), false);
    assert.equal(found(packets, inodeAt(packets)), false);
  });

  await scope.test('a journal that somebody else could have written is not read', () => {
    const file = join(scope.dir, 'state.journal');
    writeFileSync(file, '{}\n', { mode: 0o600 });
    chownSync(file, ALICE, ALICE);
    assert.match(JSON.stringify(readJournal(scope.dir)), /belongs to uid 4401/);
    chownSync(file, 0, 0);
    chmodSync(file, 0o660);
    assert.match(JSON.stringify(readJournal(scope.dir)), /can be read or written by others/);
  });
});
