/** The harness itself: it must fail when it should, or every suite built on it proves nothing. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import { type CommandResult, cleanEnvironment, runCommand } from '../lib/command.ts';
import { readExample, replaceAll } from '../lib/example.ts';
import { assertNothingLeft, socketsUnder, watchProcesses } from '../lib/leftovers.ts';
import { unexpectedRecords } from '../lib/log.ts';
import { aptLine, missingPrograms, packagesOf } from '../lib/needs.ts';
import { REPOSITORY } from '../lib/paths.ts';
import { until } from '../lib/poll.ts';
import { isAlive, readStat } from '../lib/processes.ts';
import { type Scope, suite } from '../lib/suite.ts';

/** Runs a test file of `body`, which may use `suite` and `until`, and returns what node:test said. */
async function runTestFile(
  scope: Scope,
  body: string,
  env: Record<string, string> = {},
): Promise<CommandResult> {
  const library = (name: string): string => JSON.stringify(join(REPOSITORY, 'test/lib', name));
  const file = join(scope.dir, 'inner.test.ts');
  writeFileSync(file, `import { suite } from ${library('suite.ts')};\n${body}\n`);
  const bare = { ...cleanEnvironment(), CI: '', FPM_TS_TEST_INSTALL: '', ...env };
  const reporter = '--test-reporter=spec';
  return runCommand(process.execPath, ['--import', 'tsx', '--test', reporter, file], {
    cwd: REPOSITORY,
    env: bare,
  });
}

suite('harness/suite', {}, async scope => {
  const missing = `suite('x/absent', { needs: ['nginx', 'php-cgi'] }, async () => {});`;
  // nginx is also looked for in sbin, so the programs are hidden by a lookup that finds nothing.
  const hide = `import { mock } from 'node:test';
import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
mock.method(fs, 'accessSync', () => { throw new Error('hidden'); });
syncBuiltinESMExports();`;

  await scope.test('a suite with missing programs is skipped by name with the apt line', async () => {
    const result = await runTestFile(scope, `${hide}\n${missing}`);
    assert.equal(result.code, 0, result.stdout);
    assert.match(result.stdout, /x\/absent .*needs nginx, php-cgi: apt-get install nginx-light php-cgi/);
    assert.match(result.stdout, /skipped 1/);
  });

  for (const env of [{ CI: 'true' }, { FPM_TS_TEST_INSTALL: '1' }]) {
    await scope.test(`with ${JSON.stringify(env)} it fails`, async () => {
      const result = await runTestFile(scope, `${hide}\n${missing}`, env);
      assert.equal(result.code, 1);
      assert.match(result.stdout, /may not be skipped here, but needs nginx, php-cgi/);
    });
  }

  await scope.test(
    'teardown runs in reverse order and the directory goes when the suite passed',
    async () => {
      const result = await runTestFile(
        scope,
        `suite('x/order', {}, async inner => {
         console.log('dir=' + inner.dir);
         inner.defer(() => console.log('first deferred'));
         inner.defer(() => console.log('last deferred'));
         await inner.test('a step', () => {});
       });`,
      );
      assert.equal(result.code, 0, result.stdout);
      assert.match(result.stdout, /last deferred\s+first deferred/);
      const directory = /dir=(\S+)/.exec(result.stdout)?.[1];
      assert.ok(directory !== undefined && !existsSync(directory));
    },
  );

  const failures: Record<string, string> = {
    'a step that fails': `await inner.test('a step', () => { throw new Error('as planned'); });`,
    'a body that fails': `throw new Error('as planned');`,
    'a teardown that fails': `inner.defer(() => { throw new Error('as planned'); });`,
    'a timeout': `const busy = setInterval(() => {}, 1000);
       inner.signal.addEventListener('abort', () => clearInterval(busy));
       await new Promise(() => {});`,
  };
  for (const [name, code] of Object.entries(failures)) {
    await scope.test(`${name} fails the suite, keeps the directory and still tears down`, async () => {
      const result = await runTestFile(
        scope,
        `suite('x/fails', { timeoutMs: 500 }, async inner => {
           console.log('dir=' + inner.dir);
           inner.defer(() => console.log('torn down'));
           ${code}
         });`,
      );
      const directory = /dir=(\S+)/.exec(result.stdout)?.[1] ?? '';
      assert.equal(result.code, 1, result.stdout);
      assert.match(result.stdout, name === 'a timeout' ? /timed out/ : /as planned/);
      assert.match(result.stdout, /torn down/);
      assert.match(result.stdout, new RegExp(`kept for a look: ${directory}`));
      assert.ok(existsSync(directory));
      rmSync(directory, { recursive: true });
    });
  }
});

suite('harness/leftovers', {}, async scope => {
  await scope.test('a stray process is named and killed', async () => {
    const child = spawn('sleep', ['300'], { detached: true, stdio: 'ignore' });
    const exited = once(child, 'exit');
    const watch = watchProcesses();
    watch.look([child.pid ?? 0]);
    await assert.rejects(assertNothingLeft(watch, scope.dir, 100), /stray process \d+: sleep 300/);
    assert.deepEqual((await exited)[1], 'SIGKILL');
  });

  await scope.test('descendants are seen through their parent', async () => {
    const child = spawn('sh', ['-c', 'sleep 300 & wait'], { stdio: 'ignore' });
    const exited = once(child, 'exit');
    const watch = watchProcesses();
    await until(
      () => {
        watch.look([child.pid ?? 0]);
        return watch.alive().length === 2;
      },
      { what: 'the shell and its sleep' },
    );
    child.kill('SIGKILL');
    await exited;
    const [orphan] = watch.alive();
    assert.ok(orphan !== undefined && isAlive(orphan));
    await assert.rejects(assertNothingLeft(watch, scope.dir, 100), /stray process \d+: sleep 300/);
  });

  await scope.test('another process with the same pid is not the one that was seen', () => {
    const self = readStat(process.pid);
    assert.ok(self !== undefined && isAlive(self));
    assert.equal(isAlive({ pid: process.pid, startTicks: '1' }), false);
  });

  await scope.test('a socket file is found, and a socket whose file is gone', async () => {
    const directory = join(scope.dir, 'sockets');
    mkdirSync(directory);
    const path = join(directory, 'x.sock');
    const server = createServer().listen(path);
    await once(server, 'listening');
    assert.deepEqual(socketsUnder(directory), [`socket file ${path}`, `socket ${path} is still open`]);
    rmSync(path);
    assert.deepEqual(socketsUnder(directory), [`socket ${path} is still open`]);
    server.close();
    await once(server, 'close');
    assert.deepEqual(socketsUnder(directory), []);
  });
});

void test('a missed deadline says what was waited for and what was seen', async () => {
  const wait = { what: 'a miracle', deadlineMs: 1, explain: () => 'nothing seen' };
  await assert.rejects(
    until(() => undefined, wait),
    /waited 1 ms for a miracle\nnothing seen/,
  );
});

void test('warnings and errors that no pattern names are unexpected', () => {
  const records = [
    { level: 30, msg: 'fine' },
    { level: 40, msg: 'worker exited', pool: 'www' },
    { level: 50, msg: 'disk full' },
  ];
  assert.deepEqual(unexpectedRecords(records, [/"msg":"worker exited","pool":"www"/]), [records[2]]);
});

void test('the apt line names each package once', () => {
  assert.deepEqual(packagesOf(['gcc', 'gcc', 'nginx']), ['gcc', 'libc6-dev', 'nginx-light']);
  assert.equal(aptLine(['FCGI.pm']), 'needs FCGI.pm: apt-get install libfcgi-perl');
  assert.deepEqual(missingPrograms([]), []);
});

void test('an example can be changed only where it says what is replaced', () => {
  assert.throws(() => replaceAll('listen 80;', { 'listen 81;': 'x' }, 'y'), /y has no "listen 81;"/);
  const text = readExample('nginx-hello.conf', { 'listen 80;': 'listen 127.0.0.1:1;' });
  const original = readFileSync(join(REPOSITORY, 'examples/nginx-hello.conf'), 'utf8');
  assert.equal(text, original.replace('listen 80;', 'listen 127.0.0.1:1;'));
});
