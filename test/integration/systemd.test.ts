/** Sockets that a service manager opened for us, and sockets that we hand over as it would (sd_listen_fds(3)). */
import assert from 'node:assert/strict';
import { lstatSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { askPool, unixSocket } from '../lib/ask-pool.ts';
import { startDaemon } from '../lib/daemon.ts';
import { placeFixture } from '../lib/fixtures.ts';
import { MAIN } from '../lib/paths.ts';
import { openInner } from '../lib/place.ts';
import { helloPools, poolText } from '../lib/pools.ts';
import { freePort } from '../lib/ports.ts';
import { workerPids } from '../lib/status.ts';
import { suite } from '../lib/suite.ts';

const HELLO = /^hello from \d+\n$/;

/** A program made for socket activation: it takes its listener from descriptor 3 and answers with its environment. */
const ACTIVATED = `
open(my $listener, "+<&=", 3) or die "descriptor 3: $!";
while (accept(my $client, $listener)) {
  print $client "$_=$ENV{$_}\\n" for sort keys %ENV;
  print $client "pid=$$\\n";
  close $client;
}`;

suite('integration/systemd', { needs: ['gcc', 'libfcgi'] }, async scope => {
  const hello = await helloPools(scope);
  // The daemon's own directory is a part of ours: these sockets are not its to remove.
  const path = join(scope.dir, 'given.sock');
  const port = await freePort();
  const place = openInner(scope, 'daemon');
  const ownPath = join(place.dir, 'run', 'own.sock');
  const daemon = await startDaemon(place, {
    program: [
      '/usr/bin/perl',
      placeFixture(scope, 'perl/listen-and-exec.pl'),
      `web=${path}`,
      `api=127.0.0.1:${port}`,
      '--',
      process.execPath,
      MAIN,
    ],
    pools: {
      web: hello('web', { 'listen.address': 'systemd:web' }),
      api: hello('api', { 'listen.address': 'systemd:api' }),
      own: poolText({
        command: ['/usr/bin/perl', '-e', ACTIVATED.replaceAll('$', '$$$$')],
        protocol: 'other',
        'listen.address': ownPath,
        'listen.pass': 'systemd',
        'pm.max_children': 1,
      }),
    },
  });
  const given = lstatSync(path).ino;
  const tcp = { type: 'tcp', host: '127.0.0.1', port } as const;

  await scope.test('each pool has the socket of its name', async () => {
    const answers = [await askPool(unixSocket(path)), await askPool(tcp)];
    const pids = answers.map(answer => Number(/\d+/.exec(answer)?.[0]));
    const status = await daemon.status();
    assert.ok(workerPids(status, 'web').includes(pids[0] ?? 0), answers[0]);
    assert.ok(workerPids(status, 'api').includes(pids[1] ?? 0), answers[1]);
  });

  await scope.test('workers hold descriptors 0 to 2 and no other of the given sockets', async () => {
    for (const pid of workerPids(await daemon.status(), 'web'))
      assert.deepEqual(readdirSync(`/proc/${pid}/fd`).map(Number), [0, 1, 2]);
  });

  await scope.test('neither the supervisor nor workers have LISTEN_* in their environment', async () => {
    const status = await daemon.status();
    for (const pid of [status.supervisor_pid, ...workerPids(status, 'web')])
      assert.doesNotMatch(readFileSync(`/proc/${pid}/environ`, 'latin1'), /LISTEN_/);
  });

  await scope.test(
    'listen.pass = "systemd": descriptor 3, its own LISTEN_PID, the pool as its name',
    async () => {
      const [pid = 0] = workerPids(await daemon.status(), 'own');
      const connection = connect(ownPath);
      const lines = (await text(connection)).split('\n');
      assert.deepEqual(
        lines.filter(line => /^(LISTEN_|pid=)/.test(line)),
        ['LISTEN_FDNAMES=own', 'LISTEN_FDS=1', `LISTEN_PID=${pid}`, `pid=${pid}`],
      );
      const names = lines.flatMap(line => (line.includes('=') ? [line.split('=', 1)[0]] : []));
      assert.deepEqual(
        new Set(names),
        new Set(['HOME', 'LISTEN_FDNAMES', 'LISTEN_FDS', 'LISTEN_PID', 'LOGNAME', 'PATH', 'USER', 'pid']),
        'and nothing that a shell has added',
      );
      assert.deepEqual(readdirSync(`/proc/${pid}/fd`).map(Number), [0, 1, 2, 3]);
      assert.equal(readlinkSync(`/proc/${pid}/fd/0`), '/dev/null');
      assert.match(readlinkSync(`/proc/${pid}/fd/3`), /^socket:/);
    },
  );

  await scope.test(
    'a pool that is stopped leaves the given socket alone, and starts on it again',
    async () => {
      assert.equal((await daemon.cli('stop', 'web')).code, 0);
      assert.equal(lstatSync(path).ino, given);
      // Nobody serves it now; who connects waits.
      const waiting = askPool(unixSocket(path));
      assert.equal((await daemon.cli('start', 'web')).code, 0);
      assert.match(await waiting, HELLO);
    },
  );

  await scope.test('after a reload it is still there', async () => {
    const reload = await daemon.cli('reload');
    assert.equal(reload.code, 0, reload.stderr);
    assert.match(await askPool(tcp), HELLO);
    assert.match(await askPool(unixSocket(path)), HELLO);
    assert.equal(lstatSync(path).ino, given);
  });

  await scope.test('stopped, the daemon leaves the file of a socket that is not its own', async () => {
    await daemon.stop();
    assert.equal(lstatSync(path).ino, given);
  });
});
