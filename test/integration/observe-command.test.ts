/** `fpm-ts observe` over listeners of others: what it takes, what it prints, and what it says when there is nothing to see. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { unlinkSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Observation } from '../../src/cli/observe-look.ts';
import { connectTo, startAcceptor } from '../lib/acceptor.ts';
import { type CommandResult, runCommand } from '../lib/command.ts';
import { startDaemon } from '../lib/daemon.ts';
import { MAIN } from '../lib/paths.ts';
import { scriptPool } from '../lib/pools.ts';
import { freePort } from '../lib/ports.ts';
import { suite } from '../lib/suite.ts';

function observe(...args: string[]): Promise<CommandResult> {
  return runCommand(process.execPath, [MAIN, 'observe', ...args]);
}

suite('integration/observe-command', { needs: ['gcc'] }, async scope => {
  const path = join(scope.dir, 'x.sock');
  const acceptor = await startAcceptor(scope, 'unix', path);
  for (let i = 0; i < 4; i++) await connectTo(scope, { path });
  await acceptor.accept();
  await acceptor.fork(); // from now on the first process only looks after its child

  await scope.test('a table: a line a second, with the policy that it is compared with', async () => {
    const { code, stdout } = await observe(path, '--count', '2', '--max-children', '5', '--min-spare', '3');
    assert.equal(code, 0);
    const [head = '', ...lines] = stdout.trimEnd().split('\n');
    assert.match(head, / *TIME +QUEUE +MAX +LIMIT +CONNECTIONS +BUSY +WORKERS +FPM-TS {2}WHY/);
    assert.equal(lines.length, 2);
    for (const line of lines)
      assert.match(
        line,
        /^[\d:]{8} +2 +2 +20 +2 +1 +1 +5 {2}2 served and 2 waiting connections need 4 workers, with min_spare_servers = 3 that is 7$/,
      );
  });

  await scope.test('a port: every listener on it; an address: those who are met there', async () => {
    const tcp = await startAcceptor(scope, 'tcp', '127.0.0.2');
    await connectTo(scope, { host: '127.0.0.2', port: tcp.port });
    for (const address of [String(tcp.port), `127.0.0.2:${tcp.port}`, `0.0.0.0:${tcp.port}`]) {
      const { stdout } = await observe(address, '--count', '1', '--json');
      const { queue, connections, workers } = JSON.parse(stdout) as Observation;
      assert.deepEqual([queue.length, connections, workers.total], [1, 0, 1], address);
    }
    const { code } = await observe(`127.0.0.1:${tcp.port}`, '--count', '1');
    assert.equal(code, 1);
  });

  await scope.test('a listener that goes and comes back is followed', async () => {
    const followed = join(scope.dir, 'followed.sock');
    await startAcceptor(scope, 'unix', followed);
    const child = spawn(process.execPath, [MAIN, 'observe', followed, '--json'], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const exited = once(child, 'exit');
    scope.defer(() => void child.kill('SIGKILL'));
    const seen: boolean[] = [];
    for await (const line of createInterface(child.stdout)) {
      const { is_listening: isListening } = JSON.parse(line) as Observation;
      if (seen.at(-1) === isListening) continue;
      seen.push(isListening);
      if (seen.length === 1) unlinkSync(followed);
      if (seen.length === 2) await startAcceptor(scope, 'unix', followed);
      if (seen.length === 3) child.kill('SIGINT');
    }
    assert.deepEqual(seen, [true, false, true]);
    assert.deepEqual(await exited, [null, 'SIGINT']);
  });

  await scope.test('a reader that has enough ends it without a word', async () => {
    const command = `"$0" "$1" observe "$2" --json | head -n 1; echo "\${PIPESTATUS[0]}"`;
    const args = ['-c', command, process.execPath, MAIN, path];
    const { stdout, stderr } = await runCommand('bash', args);
    const [line = '', code] = stdout.split('\n');
    assert.equal((JSON.parse(line) as Observation).is_listening, true);
    assert.deepEqual([code, stderr], ['141', '']);
  });

  await scope.test('nobody listens; nothing of that name; no address', async () => {
    const nobody = await observe(String(await freePort()));
    assert.equal(nobody.code, 1);
    assert.match(nobody.stderr, /^fpm-ts: nobody listens on \d+: see that the server runs; .*\n$/);
    const missing = await observe(join(scope.dir, 'missing.sock'));
    assert.equal(missing.code, 1);
    assert.match(missing.stderr, /nobody listens on .*missing\.sock/);
    const wrong = await observe('localhost:9000');
    assert.equal(wrong.code, 64);
    assert.match(wrong.stderr, /localhost:9000: host names are not resolved; .*It takes a socket's path/);
    const count = await observe(path, '--count', '0');
    assert.equal(count.code, 64);
    assert.match(count.stderr, /must be 1 or more, not "0"/);
  });
});

suite('integration/observe-command: a pool of ours', {}, async scope => {
  await scope.test('its keeper, which holds the socket, is no worker', async () => {
    const path = join(scope.dir, 'run/www.sock');
    const keys = { protocol: 'fastcgi', listen: path, 'pm.mode': 'ondemand' };
    await startDaemon(scope, { pools: { www: scriptPool('exec sleep 1000', keys) } });
    const { stdout } = await observe(path, '--count', '1', '--json');
    const { is_listening, workers } = JSON.parse(stdout) as Observation;
    assert.deepEqual([is_listening, workers], [true, { total: 0, busy: 0 }]);
  });
});
