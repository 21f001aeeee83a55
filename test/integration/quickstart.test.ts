/** The quick start as README tells it: `npm start` in a fresh clone, without a network, with its port taken. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, existsSync, mkdirSync, readdirSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { basename, join } from 'node:path';
import { cleanEnvironment, runCommand } from '../lib/command.ts';
import { ask } from '../lib/http.ts';
import { copyPackages, copyPart, isForEverybody } from '../lib/installed.ts';
import { assertNothingLeft, watchProcesses } from '../lib/leftovers.ts';
import { REPOSITORY } from '../lib/paths.ts';
import { until } from '../lib/poll.ts';
import { descendants, isAlive } from '../lib/processes.ts';
import type { Status } from '../lib/status.ts';
import { IS_ROOT, type Scope, suite } from '../lib/suite.ts';

/** Nobody's in any /etc/passwd that we know: a user who has nothing but a number. */
const ORDINARY_UID = 23_456;
/** What is not in a clone. */
const NOT_CLONED = ['node_modules', 'dist', '.git'];
/** What building needs beside what running does. */
const TO_BUILD = /^node_modules\/(typescript|@typescript\/.+|@types\/node|undici-types)$/;

/** The repository as it stands, with its dependencies as an earlier `npm start` left them, but not built. */
async function clone(scope: Scope, owner: number | undefined): Promise<string> {
  const target = join(scope.dir, 'clone');
  mkdirSync(join(target, 'node_modules'), { recursive: true });
  for (const name of readdirSync(REPOSITORY)) if (!NOT_CLONED.includes(name)) copyPart(name, target);
  copyPackages(target, TO_BUILD);
  for (const name of ['.bin', '.package-lock.json']) copyPart(join('node_modules', name), target);
  if (owner !== undefined) await runCommand('chown', ['-R', `${owner}:${owner}`, scope.dir]);
  return target;
}

/** Makes sure that the port is somebody's: ours, or whoever has it already. */
async function occupy(port: number): Promise<Server | undefined> {
  const server = createServer();
  server.listen(port, '127.0.0.1');
  try {
    await once(server, 'listening');
    return server;
  } catch {
    return undefined;
  }
}

interface Variant {
  readonly name: string;
  readonly root: boolean;
  /** Whom root becomes for it. */
  readonly uid?: number;
  readonly end: 'Ctrl-C' | 'kill of npm';
}

const VARIANTS: readonly Variant[] = [
  { name: 'as root', root: true, end: 'kill of npm' },
  IS_ROOT
    ? { name: 'as an ordinary user', root: false, uid: ORDINARY_UID, end: 'Ctrl-C' }
    : { name: 'as an ordinary user', root: false, end: 'Ctrl-C' },
];

for (const variant of VARIANTS) {
  suite(`integration/quickstart ${variant.name}`, { root: variant.root, needs: ['setpriv'] }, async scope => {
    if (variant.uid !== undefined && !isForEverybody(process.execPath)) {
      scope.diagnostic(`${process.execPath} is not for other users: run npm test as one`);
      return;
    }
    const home = join(scope.dir, 'home');
    mkdirSync(home);
    const directory = await clone(scope, variant.uid);
    // As /root is: nobody else may enter.
    chmodSync(directory, 0o700);
    const { uid } = variant;
    const become = uid === undefined ? [] : ['setpriv', `--reuid=${uid}`, `--regid=${uid}`, '--clear-groups'];
    const env: NodeJS.ProcessEnv = {
      ...cleanEnvironment(),
      HOME: home,
      XDG_RUNTIME_DIR: home,
      npm_config_offline: 'true',
      npm_config_registry: 'http://127.0.0.1:9/',
    };
    const runDir = variant.root ? '/run/fpm-ts' : join(home, 'fpm-ts');

    const other = await occupy(8080);
    scope.defer(() => {
      other?.close();
    });
    // In a group of its own, as a terminal has it: what Ctrl-C does reaches all of it.
    const child = spawn('env', [...become, 'npm', 'start'], {
      cwd: directory,
      env,
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const group = child.pid ?? 0;
    const exited = once(child, 'exit');
    let output = '';
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding('utf8').on('data', (text: string) => {
        output += text;
      });
    const watch = watchProcesses();
    scope.defer(async () => {
      watch.look([group]);
      if (child.exitCode === null && child.signalCode === null) process.kill(-group, 'SIGINT');
      await exited;
      await assertNothingLeft(watch, scope.dir);
    });
    const npx = (...args: string[]) =>
      runCommand('env', [...become, 'npx', ...args], { cwd: directory, env });

    const url = await until(
      () => {
        if (child.exitCode !== null) throw new Error(`npm start ended:\n${output}`);
        return /^.*try next: curl (http:\/\/127\.0\.0\.1:\d+\/) .*\n/m.exec(output)?.[1]; // its last line
      },
      { what: 'npm start to say where to look', deadlineMs: 90_000, explain: () => output },
    );

    await scope.test('it says what listens where, that 8080 is taken, and what to try next', () => {
      assert.match(output, new RegExp(`pool hello listens on ${runDir}/hello\\.sock`));
      assert.match(output, new RegExp(`control socket ${runDir}/control\\.sock`));
      assert.match(output, /port 8080 is taken/);
      assert.doesNotMatch(url, /:8080/);
      assert.ok(output.includes(`pool hello at ${url}`) && output.includes('npx fpm-ts status'), output);
    });

    await scope.test('curl gets an answer from a supervised worker, which is not root', async () => {
      const { status, text } = await ask(url);
      assert.equal(status, 200);
      const pid = Number(/^Hello from worker (\d+)\.$/m.exec(text)?.[1]);
      assert.ok(
        descendants(group).some(process => process.pid === pid),
        text,
      );
      const { stdout } = await runCommand('stat', ['--format=%u', `/proc/${pid}`]);
      assert.notEqual(stdout, '0\n');
    });

    await scope.test('npx fpm-ts status finds it, in a second terminal, without a network', async () => {
      const { code, stdout } = await npx('fpm-ts', 'status');
      assert.equal(code, 0, stdout);
      assert.match(stdout, /^hello +running +2\/2 /m);
      assert.match(stdout, /^front +\w+ +1\/1 /m);
      assert.match(stdout, /^cgi +running +1\/1 /m);
    });

    await scope.test(
      'npx fpm-ts -c fpm-ts.toml request runs a CGI script, as somebody who is not root',
      async () => {
        const { code, stdout, stderr } = await npx(
          'fpm-ts',
          '-c',
          'fpm-ts.toml',
          'request',
          'cgi',
          '/hello.sh',
        );
        assert.equal(code, 0, stderr);
        assert.match(stdout, /^Hello from \/hello\.sh, process \d+\.\nYou asked: GET \/hello\.sh\.\n$/);
        const { stdout: status } = await npx('fpm-ts', 'status', '--json');
        const host = (JSON.parse(status) as Status).pools.find(pool => pool.name === 'cgi')?.processes[0]
          ?.pid;
        const { stdout: owner } = await runCommand('stat', ['--format=%u', `/proc/${host}/task`]);
        assert.notEqual(owner, '0\n');
      },
    );

    await scope.test('a script sees what was asked: query, path and body', async () => {
      const target = '/environment.sh/more/path?name=value&x=%20y';
      const { code, stdout } = await npx(
        'fpm-ts',
        '-c',
        'fpm-ts.toml',
        'request',
        'cgi',
        target,
        '-d',
        'first\nsecond',
      );
      assert.equal(code, 0, stdout);
      for (const line of [
        "export REQUEST_METHOD='POST'",
        "export SCRIPT_NAME='/environment.sh'",
        "export PATH_INFO='/more/path'",
        "export QUERY_STRING='name=value&x=%20y'",
        "export CONTENT_LENGTH='12'",
        "export GATEWAY_INTERFACE='CGI/1.1'",
        `working directory: ${join(directory, 'pools.d/cgi')}`,
      ])
        assert.ok(stdout.split('\n').includes(line), `${line} in\n${stdout}`);
      assert.ok(stdout.endsWith('\nbody: 12 bytes\nfirst\nsecond\n'), stdout);
    });

    await scope.test('what is no script there is refused in words', async () => {
      const { code, stdout } = await npx('fpm-ts', '-c', 'fpm-ts.toml', 'request', 'cgi', '/none.sh', '-i');
      assert.equal(code, 1);
      assert.match(stdout, /^HTTP\/1\.1 404 Not Found\r?\n/);
      await until(() => output.includes('404: ') && output.includes('none.sh does not exist'), {
        what: 'the log to say which file that was',
        explain: () => output,
      });
    });

    await scope.test('a worker that is killed is replaced, as the page invites to try', async () => {
      const pid = Number(/worker (\d+)/.exec((await ask(url)).text)?.[1]);
      process.kill(pid, 'SIGKILL');
      await until(async () => /hello +running +2\/2/.test((await npx('fpm-ts', 'status', 'hello')).stdout), {
        what: 'two workers again',
      });
      assert.equal((await ask(url)).status, 200);
    });

    await scope.test(`${variant.end} ends all and leaves nothing`, async () => {
      const all = descendants(group);
      assert.ok(all.length >= 5, JSON.stringify(all));
      if (variant.end === 'Ctrl-C') process.kill(-group, 'SIGINT');
      else process.kill(group, 'SIGTERM');
      await exited;
      await until(() => !all.some(isAlive), { what: 'every process to end' });
      const left = existsSync(runDir) ? readdirSync(runDir) : [];
      assert.deepEqual(left, [], basename(runDir));
    });
  });
}
