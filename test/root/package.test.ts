/** The Debian package: built, installed by the real dpkg, started without systemd, upgraded as it runs, and purged. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { CommandResult } from '../lib/command.ts';
import { buildPackage } from '../lib/package.ts';
import { REPOSITORY } from '../lib/paths.ts';
import { openPrivateRoot } from '../lib/private-root.ts';
import { poolOf, type Status } from '../lib/status.ts';
import { suite } from '../lib/suite.ts';

const FIRST = '9.1.0';
const SECOND = '9.2.0';

/** What dpkg, and what it triggers, write about every package. */
const NOT_OURS =
  /^\/var\/(lib\/dpkg|log\/dpkg\.log|log\/apt|cache\/(man|ldconfig|fontconfig))|^\/etc\/((group|gshadow)-?|\.pwd\.lock)$/;

suite('root/package', {
  root: true,
  needs: ['dpkg-deb', 'unshare', 'logrotate', 'systemd-tmpfiles', 'systemd-sysusers', 'man'],
  timeoutMs: 180_000,
}, async scope => {
  const root = await openPrivateRoot(scope);
  const { run } = root;
  const good = async (...command: [string, ...string[]]): Promise<CommandResult> => {
    const result = await run(...command);
    assert.equal(result.code, 0, `${command.join(' ')}\n${result.stdout}${result.stderr}`);
    return result;
  };
  const write = (path: string, text: string): Promise<CommandResult> =>
    good('sh', '-c', 'printf %s "$2" >"$1"', 'sh', path, text);
  // Quickly, and with manual pages also where an image of Debian leaves them out.
  const dpkg = (...args: string[]): Promise<CommandResult> =>
    good('dpkg', '--force-unsafe-io', '--path-include=*', ...args);
  const status = async (): Promise<Status> =>
    JSON.parse((await good('fpm-ts', 'status', '--json')).stdout) as Status;
  const processes = async (): Promise<string[]> =>
    (await good('ps', '-e', '-o', 'stat=,args=')).stdout
      .split('\n')
      .filter(line => /\/usr\/lib\/fpm-ts\/|fpm-ts: /.test(line) && !line.startsWith('Z'));

  const [first, second] = [await buildPackage(root.shared, FIRST), await buildPackage(root.shared, SECOND)];
  const before = await root.changes();

  await scope.test('npm run package:deb builds it', () => {
    const { scripts } = JSON.parse(readFileSync(join(REPOSITORY, 'package.json'), 'utf8')) as {
      scripts: Record<string, string>;
    };
    assert.match(
      scripts['package:deb'] ?? '',
      /npm run --silent build && node --import tsx packaging\/deb\/build\.ts$/,
    );
  });

  await scope.test('the same sources give the same bytes, whatever the umask', async () => {
    const again = await buildPackage(join(root.shared, 'again'), FIRST, '0077');
    const [one, other] = [first, again].map(path =>
      createHash('sha256').update(readFileSync(path)).digest('hex'),
    );
    assert.equal(one, other);
  });

  await scope.test(
    "all of it is root's, nobody else may write to any of it, and nothing is setuid",
    async () => {
      const lines = (await good('dpkg-deb', '--contents', first)).stdout.trim().split('\n');
      assert.ok(lines.length > 100);
      const open = lines.filter(line => !/^(l\S+|[-d]rw[-x]r-[-x]r-[-x]) root\/root /.test(line));
      assert.deepEqual(open, []);
      assert.ok(lines.some(line => line.endsWith(' ./etc/fpm-ts/pools.d/')));
    },
  );

  await scope.test('it installs without systemd, and starts nothing', async () => {
    const { stderr } = await dpkg('--install', first);
    assert.match(stderr, /^(Created symlink .*\n)?$/);
    assert.deepEqual(await processes(), []);
    assert.equal((await good('fpm-ts', '--version')).stdout.trim(), FIRST);
    assert.equal((await good('dpkg', '--verify', 'fpm-ts')).stdout, '');
  });

  await scope.test('pages and completions are where their readers look', async () => {
    assert.match((await good('man', '--where', '8', 'fpm-ts')).stdout, /fpm-ts\.8\.gz/);
    assert.match((await good('man', '--where', '5', 'fpm-ts.toml')).stdout, /fpm-ts\.toml\.5\.gz/);
    for (const path of [
      '/usr/share/bash-completion/completions/fpm-ts',
      '/usr/share/zsh/vendor-completions/_fpm-ts',
      '/usr/share/fish/vendor_completions.d/fpm-ts.fish',
    ])
      await good('test', '-s', path);
  });

  await scope.test('the service is enabled for the next boot', async () => {
    await good('test', '-e', '/etc/systemd/system/multi-user.target.wants/fpm-ts.service');
  });

  await scope.test('systemd-sysusers and systemd-tmpfiles make what the package has made', async () => {
    const made = (): Promise<CommandResult> =>
      good(
        'sh',
        '-c',
        'getent group fpm-ts | cut -d: -f1; stat -c "%n %A %U %G" /run/fpm-ts /var/log/fpm-ts',
      );
    const byPackage = (await made()).stdout;
    await good('sh', '-c', 'groupdel fpm-ts && rmdir /run/fpm-ts /var/log/fpm-ts');
    const users = await good('systemd-sysusers', '/usr/lib/sysusers.d/fpm-ts.conf');
    const files = await good('systemd-tmpfiles', '--create', '/usr/lib/tmpfiles.d/fpm-ts.conf');
    assert.equal((await made()).stdout, byPackage);
    assert.doesNotMatch(users.stderr + files.stderr, /fail|ignor|unknown|warn/i);
  });

  await scope.test('the configuration of the package is a good one, and runs idle', async () => {
    assert.match((await good('fpm-ts', 'check')).stdout, /is good, 0 pools/);
  });

  await scope.test('started without systemd, it runs on its own Node and serves a request', async () => {
    const pool = `command = ["\${node}", "/usr/lib/fpm-ts/dist/responders/hello.js"]
user = "www-data"
stop_is_graceful = true
listen.address = "\${run_dir}/hello.sock"
pm.mode = "static"
pm.max_children = 2
log.file = "/var/log/fpm-ts/hello.log"
`;
    await write('/etc/fpm-ts/pools.d/hello.toml', pool);
    await write('/etc/fpm-ts/fpm-ts.toml', 'log.file = "/var/log/fpm-ts/fpm-ts.log"\n');
    await good('fpm-ts', 'start', '--daemonize');
    const { pid } = await status();
    assert.equal((await good('readlink', `/proc/${pid}/exe`)).stdout.trim(), '/usr/lib/fpm-ts/bin/node');
    assert.match((await good('fpm-ts', 'request', 'hello', '/', '-i')).stdout, /^HTTP\/1\.1 200 OK/);
  });

  await scope.test('logrotate finds its file good, rotates, and the log goes on in a new one', async () => {
    const { stderr } = await good('logrotate', '--debug', '/etc/logrotate.d/fpm-ts');
    assert.doesNotMatch(stderr, /error|bad|unknown|skipping/i);
    await good('logrotate', '--force', '--state', '/tmp/logrotate.state', '/etc/logrotate.d/fpm-ts');
    assert.match((await good('cat', '/var/log/fpm-ts/fpm-ts.log')).stdout, /reopened/);
    await good('test', '-s', '/var/log/fpm-ts/fpm-ts.log.1');
  });

  await scope.test(
    'where policy-rc.d forbids it, an upgrade leaves what runs as it is, and says so',
    async () => {
      const old = await status();
      await write('/usr/sbin/policy-rc.d', '#!/bin/sh\nexit 101\n');
      await good('chmod', '755', '/usr/sbin/policy-rc.d');
      const { stderr } = await dpkg('--install', second);
      assert.match(stderr, /continues in the version that runs: policy-rc\.d forbids/);
      const now = await status();
      assert.deepEqual([now.version, now.pid], [FIRST, old.pid]);
      await good('rm', '/usr/sbin/policy-rc.d');
    },
  );

  await scope.test('an upgrade replaces what runs, with the same keeper and the same workers', async () => {
    const old = await status();
    const { stderr } = await dpkg('--install', second);
    assert.equal(stderr, '');
    const now = await status();
    assert.equal(now.version, SECOND);
    assert.equal(now.pid, old.pid);
    const pids = (of: Status): number[] => poolOf(of, 'hello').processes.map(({ pid }) => pid);
    assert.deepEqual(new Set(pids(now)), new Set(pids(old)));
    assert.match((await good('fpm-ts', 'request', 'hello', '/', '-i')).stdout, /^HTTP\/1\.1 200 OK/);
  });

  await scope.test(
    'init --systemd writes a unit for it that systemd finds good, and nothing over',
    async () => {
      const unit = '/etc/systemd/system/fpm-ts.service';
      const { stdout } = await good('fpm-ts', 'init', '--systemd', '--json');
      const { written, existing } = JSON.parse(stdout) as Record<string, readonly string[]>;
      assert.deepEqual({ written, existing }, { written: [unit], existing: ['/etc/fpm-ts/fpm-ts.toml'] });
      const text = (await good('cat', unit)).stdout;
      const program =
        '/usr/lib/fpm-ts/bin/node /usr/lib/fpm-ts/dist/main.js --config /etc/fpm-ts/fpm-ts.toml';
      for (const line of [`ExecStart=${program} start`, `ExecReload=${program} reload`])
        assert.ok(text.split('\n').includes(line), line);
      const verdict = await good('systemd-analyze', 'verify', '--man=no', unit);
      assert.doesNotMatch(verdict.stderr, /fpm-ts/);
      await good('rm', unit);
    },
  );

  await scope.test('what the administrator has written is still there after the upgrade', async () => {
    assert.match((await good('cat', '/etc/fpm-ts/fpm-ts.toml')).stdout, /log\.file/);
  });

  await scope.test('removed while it runs, it is stopped, and its configuration stays', async () => {
    const { stderr } = await dpkg('--remove', 'fpm-ts');
    assert.equal(stderr, '');
    assert.deepEqual(await processes(), []);
    await good('test', '-s', '/etc/fpm-ts/pools.d/hello.toml');
    assert.equal((await run('fpm-ts', '--version')).code, 127);
  });

  await scope.test('purged, it leaves nothing', async () => {
    const { stderr } = await dpkg('--purge', 'fpm-ts');
    assert.equal(stderr, '');
    assert.deepEqual(
      (await root.changes()).filter(path => !NOT_OURS.test(path) && !before.includes(path)),
      [],
    );
    assert.equal((await run('getent', 'group', 'fpm-ts')).code, 2);
    assert.equal((await run('sh', '-c', 'ls -d /run/fpm-ts* /var/log/fpm-ts* /etc/fpm-ts*')).stdout, '');
  });
});
