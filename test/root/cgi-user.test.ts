/** The CGI host as root starts it: as whom scripts run, what they can reach, and what root's files are to them. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  copyFileSync,
  mkdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { startCgiHost } from '../lib/cgi-host.ts';
import { suite } from '../lib/suite.ts';

const HEAD = "printf 'Content-Type: text/plain\\n\\n'";
const sh = (...lines: readonly string[]): string => `#!/bin/sh\n${lines.join('\n')}\n`;

const EXTRA_GROUP = 61_095;

function sorted(groups = ''): number[] {
  return groups
    .trim()
    .split(/\s+/)
    .map(Number)
    .toSorted((a, b) => a - b);
}

suite('root/cgi-user', { root: true, needs: ['unshare'] }, async scope => {
  // As a clone in /root is: nobody else may enter it.
  chmodSync(scope.dir, 0o700);
  // Whoever reads the real file must not see our group.
  const groupFile = join(scope.dir, 'group');
  writeFileSync(groupFile, `${readFileSync('/etc/group', 'utf8')}fpm-ts-extra:x:${EXTRA_GROUP}:nobody\n`);
  const namespace = ['unshare', '--mount', '--propagation', 'private', '/bin/sh', '-c'];
  const before = [...namespace, 'mount --bind "$0" /etc/group && exec "$@"', groupFile];
  const host = await startCgiHost(scope, { args: ['--interpreter', '.txt=/bin/sh'], before });

  await scope.test('host and scripts are the user, with its groups and no others, for good', async () => {
    host.script('status.sh', sh(HEAD, 'cat /proc/self/status'));
    const status = (await host.ask('status.sh')).text;
    const [uid, gid] = ['-u', '-g'].map(option =>
      execFileSync('id', [option, 'nobody'], { encoding: 'utf8' }).trim(),
    );
    const named = execFileSync('id', ['-G', 'nobody'], { encoding: 'utf8' });
    const groups = sorted(`${named} ${EXTRA_GROUP}`);
    for (const text of [status, readFileSync(`/proc/${host.pid}/status`, 'utf8')]) {
      assert.equal(/^Uid:\t(.*)$/m.exec(text)?.[1], Array(4).fill(uid).join('\t'));
      assert.equal(/^Gid:\t(.*)$/m.exec(text)?.[1], Array(4).fill(gid).join('\t'));
      assert.deepEqual(sorted(/^Groups:\t(.*)$/m.exec(text)?.[1]), groups);
      assert.match(text, /^CapEff:\t0+$/m);
    }
  });

  await scope.test('a root that the user cannot get to is open to its scripts all the same', async () => {
    host.script('there.sh', sh(HEAD, 'pwd', `cat ${host.root}/there.sh 2>&1`));
    const { text } = await host.ask('there.sh');
    assert.match(text, new RegExp(`^${host.root}\\n.*Permission denied\\n$`));
    mkdirSync(join(host.root, 'sub'));
    host.script('sub/there.sh', sh(HEAD, 'echo sub'));
    symlinkSync('sub/there.sh', join(host.root, 'link.sh'));
    assert.equal((await host.ask('link.sh')).text, 'sub\n');
  });

  await scope.test('what it may not execute, read or enter is refused in words', async () => {
    host.script('mine.sh', sh(HEAD), 0o700);
    host.script('mine.txt', HEAD, 0o600);
    mkdirSync(join(host.root, 'closed'), { mode: 0o700 });
    host.script('closed/x.sh', sh(HEAD));
    for (const [name, reason] of [
      ['mine.sh', /403: \S+mine\.sh may not be executed by uid \d+: chmod \+x/],
      ['mine.txt', /403: \S+mine\.txt cannot be read by uid \d+, as whom \/bin\/sh would run it/],
      ['closed/x.sh', /403: \S+x\.sh stands in a directory that uid \d+ may not enter/],
    ] as const) {
      assert.equal((await host.ask(name)).status, 403, name);
      await host.said(reason);
    }
  });

  await scope.test('an interpreter reads a script that has no bits but for reading', async () => {
    host.script('plain.txt', `${HEAD}\nid -u`, 0o604);
    assert.equal((await host.ask('plain.txt')).status, 200);
  });

  await scope.test('fifos, devices and sockets are refused, and hold nobody up', async () => {
    execFileSync('mkfifo', [join(host.root, 'fifo')]);
    execFileSync('mknod', [join(host.root, 'null'), 'c', '1', '3']);
    chmodSync(join(host.root, 'null'), 0o777);
    const server = createServer().listen(join(host.root, 'socket'));
    scope.defer(() => void server.close());
    for (const [name, kind] of [
      ['fifo', 'a fifo'],
      ['null', 'a device'],
      ['socket', 'a socket'],
    ] as const) {
      assert.equal((await host.ask(name)).status, 403);
      await host.said(new RegExp(`403: \\S+/${name} is ${kind}`));
    }
  });

  await scope.test('a program with the setuid bit runs as its owner, a script with it does not', async () => {
    const owner = 12_345;
    copyFileSync('/usr/bin/id', join(host.root, 'id.bin'));
    host.script('id.sh', sh(HEAD, 'id -u'));
    for (const name of ['id.bin', 'id.sh']) {
      chownSync(join(host.root, name), owner, owner);
      chmodSync(join(host.root, name), 0o4755);
    }
    assert.notEqual((await host.ask('id.sh')).text, `${owner}\n`);
    host.script('calls.sh', sh(HEAD, './id.bin'));
    chmodSync(scope.dir, 0o755);
    assert.match((await host.ask('calls.sh')).text, new RegExp(`euid=${owner}`));
  });
});
