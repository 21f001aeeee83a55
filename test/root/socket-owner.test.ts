/** Owner, group and mode of socket files: right from the first moment that the path exists. */
import assert from 'node:assert/strict';
import { chmodSync, lstatSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { askPool, unixSocket } from '../lib/ask-pool.ts';
import { type Daemon, startDaemon } from '../lib/daemon.ts';
import { startPerlLoop } from '../lib/perl-loop.ts';
import { helloPools, socketOf } from '../lib/pools.ts';
import { type Scope, suite } from '../lib/suite.ts';

/** Owner, group and permission bits, as `stat -c '%u:%g %a'` prints them. */
function ownership(path: string): string {
  const { uid, gid, mode } = lstatSync(path);
  return `${uid}:${gid} ${(mode & 0o7777).toString(8)}`;
}

/**
 * Connects to the path as fast as it can until its stdin is closed, and notes what the path looked like. Perl,
 * because it does nothing else in between.
 */
const HAMMER = `
use strict; use Socket; use IO::Select;
my ($path) = @ARGV; my (%looks, $connected, $tries);
my $stdin = IO::Select->new(\\*STDIN);
$| = 1; print "begun\\n";
until ($stdin->can_read(0)) {
  for (1 .. 200) {
    $tries++;
    my @stat = lstat $path;
    $looks{sprintf "%d:%d %o", $stat[4], $stat[5], $stat[2] & 07777}++ if @stat;
    socket(my $socket, PF_UNIX, SOCK_STREAM, 0) or die;
    for my $name ($path, "$path.new") { $connected++ if connect($socket, pack_sockaddr_un($name)) }
  }
}
print join("\\n", $tries, $connected // 0, sort keys %looks), "\\n";
`;

interface Hammered {
  readonly tries: number;
  readonly connected: number;
  readonly looks: readonly string[];
}

async function startHammer(scope: Scope, path: string): Promise<() => Promise<Hammered>> {
  const end = await startPerlLoop(scope, 65_534, HAMMER, [path]);
  return async () => {
    const [, tries, connected, ...looks] = await end();
    return { tries: Number(tries), connected: Number(connected), looks };
  };
}

async function succeed(daemon: Daemon, ...args: string[]): Promise<void> {
  const result = await daemon.cli(...args);
  assert.equal(result.code, 0, result.stderr);
}

suite('root/socket-owner', { root: true, needs: ['gcc', 'libfcgi', 'setpriv'] }, async scope => {
  const hello = await helloPools(scope);
  const daemon = await startDaemon(scope, {
    pools: {
      plain: hello('plain'),
      set: hello('set', { 'listen.owner': 'daemon', 'listen.group': 'nogroup', 'listen.mode': '0600' }),
      numbers: hello('numbers', { 'listen.owner': '61001', 'listen.group': '61002', 'listen.mode': '0640' }),
      grouped: hello('grouped', { group: 'daemon' }),
    },
  });
  chmodSync(daemon.runDir, 0o755);

  const rows = { plain: '33:33 660', set: '1:65534 600', numbers: '61001:61002 640', grouped: '33:1 660' };
  for (const [name, expected] of Object.entries(rows)) {
    await scope.test(`${name}: ${expected}`, () => assert.equal(ownership(socketOf(scope, name)), expected));
  }

  await scope.test('who may not connect cannot, in the moments of a start either', async () => {
    const path = socketOf(scope, 'set');
    const end = await startHammer(scope, path);
    for (let start = 0; start < 5; start++) {
      await succeed(daemon, 'stop', 'set');
      await succeed(daemon, 'start', 'set');
    }
    const { tries, connected, looks } = await end();
    assert.ok(tries > 1000, `${tries} tries`);
    assert.equal(connected, 0);
    assert.deepEqual(looks, ['1:65534 600']);
  });

  await scope.test(
    'a reload puts a socket with the new owner and mode in the place of the one that is there',
    async () => {
      const path = socketOf(scope, 'set');
      const { ino } = lstatSync(path);
      writeFileSync(
        join(daemon.poolsDir, 'set.toml'),
        hello('set', { 'listen.owner': '61001', 'listen.group': 'daemon', 'listen.mode': '0666' }),
      );
      await succeed(daemon, 'reload', 'set');
      assert.equal(ownership(path), '61001:1 666');
      assert.notEqual(lstatSync(path).ino, ino);
      assert.match(await askPool(unixSocket(path)), /^hello from \d+\n$/);
    },
  );
});
