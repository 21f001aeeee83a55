/** `fpm-ts check` from outside: what it prints, its exit code, and that start gives the same verdict. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { join } from 'node:path';
import { type CommandResult, cleanEnvironment, runCommand } from '../lib/command.ts';
import { startDaemon } from '../lib/daemon.ts';
import { MAIN, REPOSITORY } from '../lib/paths.ts';
import { freePort } from '../lib/ports.ts';
import { suite } from '../lib/suite.ts';
import { assertFound, checkTree, pool } from './check-tree.ts';

function fpmTs(dir: string, ...args: string[]): Promise<CommandResult> {
  const command = [MAIN, '-c', `${dir}/fpm-ts.toml`, ...args];
  return runCommand(process.execPath, command, { cwd: dir, env: cleanEnvironment() });
}

suite('integration/check-verdict', {}, async scope => {
  await scope.test('check and start find the same, and both exit 78', async t => {
    const tree = checkTree(t);
    const server = createServer().listen(0, '127.0.0.1');
    t.after(() => server.close());
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    tree.write('fpm-ts.toml', `run_dir = "${tree.dir}/run"\nprocess.max = 1\n`);
    tree.write('pools.d/a.toml', pool({ 'listen.address': `127.0.0.1:${port}` }));
    tree.write(
      'pools.d/b.toml',
      pool({ command: ['/no/such/program'], 'listen.address': '/no/such/b.sock' }),
    );
    const check = await fpmTs(tree.dir, 'check');
    assert.equal(check.code, 78, check.stdout + check.stderr);
    const errors = check.stdout.split('\n').filter(line => line.startsWith(tree.dir));
    assert.deepEqual(
      errors.map(line => line.slice(tree.dir.length + 1).replace(/^([^ ]+): ([^:]+): .*$/, '$1 $2')),
      [
        'fpm-ts.toml:2:1 process.max',
        'pools.d/a.toml:2:1 listen.address',
        'pools.d/b.toml:1:1 command',
        'pools.d/b.toml:2:1 listen.address',
      ],
    );
    const start = await fpmTs(tree.dir, 'start');
    assert.equal(start.code, 78, start.stdout + start.stderr);
    for (const line of errors) assert.ok(start.stderr.includes(line), `${line}\nis not in\n${start.stderr}`);
  });

  await scope.test('as JSON, with code, place and remedy; --static leaves the system out', async t => {
    const tree = checkTree(t);
    tree.write('fpm-ts.toml', `run_dir = "${tree.dir}/run"\n`);
    const file = tree.write('pools.d/www.toml', pool({ chdir: '/no/such' }));
    const { code, stdout } = await fpmTs(tree.dir, 'check', '--json');
    assert.equal(code, 78);
    const { error, problems } = JSON.parse(stdout) as { error: unknown; problems: { remedy: string }[] };
    const line =
      pool({ chdir: '/no/such' })
        .split('\n')
        .findIndex(text => text.startsWith('chdir')) + 1;
    const message = '/no/such does not exist: there is no /no';
    assert.deepEqual(error, { code: 'CONFIG_SYSTEM', message, file, line, column: 1, key: 'chdir' });
    assert.equal(problems[0]?.remedy, 'correct the path, or create /no');
    const isolated = await fpmTs(tree.dir, 'check', '--static');
    assert.equal(isolated.code, 0, isolated.stdout);
    assert.match(isolated.stdout, /not tested: the system \(--static\)/);
  });

  await scope.test('beside its own running supervisor, a good configuration stays good', async t => {
    const command = [process.execPath, join(REPOSITORY, 'dist/responders/hello.js')];
    const unix = pool({ 'listen.address': `${scope.dir}/unix.sock`, command });
    const tcp = pool({ 'listen.address': `127.0.0.1:${await freePort()}`, command });
    const daemon = await startDaemon(scope, { pools: { unix, tcp } });
    const { code, stdout } = await daemon.cli('check');
    assert.equal(code, 0, stdout);
    // Another configuration that wants the same is told who has it.
    const tree = checkTree(t);
    const result = await tree.check({ www: unix, zzz: tcp });
    const message = new RegExp(`is taken: fpm-ts, which runs as pid ${daemon.pid}, listens`);
    const taken = { key: 'listen.address', message };
    assertFound(tree, result, { ...taken }, { ...taken, file: 'pools.d/zzz.toml' });
    assert.match(result.problems[0]?.remedy ?? '', /was run_dir or control.socket changed .* old value/);
    // And whoever looks for it in another run_dir is told that there is one.
    const file = tree.write('moved.toml', `run_dir = "${tree.dir}/moved"\n`);
    const moved = await runCommand(process.execPath, [MAIN, '-c', file, 'status']);
    assert.equal(moved.code, 69);
    assert.match(
      moved.stderr,
      new RegExp(`fpm-ts runs? as pids? .*\\b${daemon.pid}\\b.*run_dir or control.socket was changed`),
    );
    await daemon.stop();
  });
});
