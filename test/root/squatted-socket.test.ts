/** A local user waits where another user's client looks for its supervisor: the client asks nothing, and says whose it is. */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, chownSync, lchownSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { giftedTo } from '../../src/control/trusted-server.ts';
import { type CommandResult, runCommand } from '../lib/command.ts';
import { readableByAll } from '../lib/installed.ts';
import { TEMPORARY } from '../lib/place.ts';
import { type Scope, suite } from '../lib/suite.ts';

const VICTIM = 54_321;
const SQUATTER = 54_322;

const as = (uid: number): string[] => ['setpriv', `--reuid=${uid}`, `--regid=${uid}`, '--clear-groups'];

/** Answers everybody with escapes, and prints what it is asked. */
const SQUAT = `
  const [directory] = process.argv.slice(1);
  require('node:fs').mkdirSync(directory, { recursive: true });
  const body = JSON.stringify({ error: { code: 'FAILED', message: '\\x1b]0;owned\\x07\\u202e', file: null, line: null, column: null, key: null } });
  require('node:http').createServer((request, response) => {
    console.log('asked ' + request.url);
    response.statusCode = 500;
    response.end(body);
  }).listen(directory + '/control.sock', () => {
    require('node:fs').chmodSync(directory + '/control.sock', 0o666);
    console.log('here');
  });
`;

async function squat(scope: Scope, node: string, uid: number, directory: string): Promise<() => string> {
  const args = [...as(uid), node, '-e', SQUAT, directory];
  const child: ChildProcess = spawn('env', args, { stdio: ['ignore', 'pipe', 'inherit'], cwd: '/' });
  let heard = '';
  child.stdout?.on('data', (chunk: Buffer) => {
    heard += chunk.toString();
  });
  scope.defer(async () => {
    const ended = once(child, 'exit');
    child.kill('SIGKILL');
    await ended;
    rmSync(directory, { recursive: true, force: true });
  });
  await once(child.stdout as NodeJS.ReadableStream, 'data');
  return () => heard;
}

suite('root/squatted-socket', { root: true, needs: ['setpriv'] }, async scope => {
  const { node, main } = readableByAll(scope);
  const config = join(scope.dir, 'fpm-ts.toml');
  writeFileSync(config, '');
  const runDir = join(TEMPORARY, `fpm-ts-${VICTIM}`);
  const heard = await squat(scope, node, SQUATTER, runDir);
  const victim = (...args: string[]): Promise<CommandResult> =>
    runCommand('env', ['-u', 'XDG_RUNTIME_DIR', ...as(VICTIM), node, main, '-c', config, ...args], {
      cwd: '/',
    });

  await scope.test('whatever is asked fails with 69, the squatter hears nothing and is named', async () => {
    for (const command of [['status'], ['stop'], ['reload'], ['config']]) {
      const { code, stdout, stderr } = await victim(...command);
      assert.equal(code, command[0] === 'config' ? 0 : 69, stderr);
      if (command[0] === 'config') continue;
      assert.equal(stdout, '');
      assert.match(
        stderr,
        new RegExp(`${runDir}/control.sock is served by uid ${SQUATTER}.*nothing was asked.*-c FILE`),
      );
      assert.doesNotMatch(stderr, /owned/);
    }
    assert.equal(heard(), 'here\n');
  });

  await scope.test(
    'root does not talk to him either, but to a user whose configuration it names',
    async () => {
      const other = join(scope.dir, 'other.toml');
      writeFileSync(other, `run_dir = "${runDir}"\n`);
      const root = (): Promise<CommandResult> => runCommand(process.execPath, [main, '-c', other, 'status']);
      assert.equal((await root()).code, 69);
      assert.equal(heard(), 'here\n');
      chownSync(other, SQUATTER, SQUATTER);
      const { code, stderr } = await root();
      assert.equal(code, 1);
      assert.equal(stderr, 'fpm-ts: \\x1b]0;owned\\x07\\u202e\n', 'what he says is shown as it is');
      assert.equal(heard(), 'here\nasked /v1/status?processes=no\n');
    },
  );

  await scope.test('a directory is the gift of root or ourselves, or it is nobody’s', () => {
    const make = (path: string, uid: number, mode: number): string => {
      const whole = join(scope.dir, path);
      mkdirSync(whole);
      chmodSync(whole, mode); // mkdir(2) leaves out what the umask says
      chownSync(whole, uid, uid);
      return whole;
    };
    make('closed', 0, 0o755);
    make('open', 0, 0o1777);
    const given = make('closed/run', SQUATTER, 0o700);
    const below = make('closed/run/deep', VICTIM, 0o777);
    const squatted = make('open/run', SQUATTER, 0o700);
    const own = make('open/own', VICTIM, 0o755);
    symlinkSync(given, join(scope.dir, 'closed/link'));
    symlinkSync(given, join(scope.dir, 'open/link'));
    lchownSync(join(scope.dir, 'open/link'), SQUATTER, SQUATTER);
    const rows: [string, number, number | null][] = [
      [given, 0, SQUATTER],
      [below, 0, SQUATTER],
      [squatted, 0, null],
      [join(scope.dir, 'closed/link'), 0, SQUATTER],
      [join(scope.dir, 'open/link'), 0, null],
      [own, VICTIM, null],
      [own, 0, null],
      [join(scope.dir, 'closed'), 0, null],
      [join(scope.dir, 'closed/missing'), 0, null],
      ['/', 0, null],
    ];
    for (const [directory, self, owner] of rows)
      assert.equal(giftedTo(directory, self), owner, `${directory} ${self}`);
  });
});
