/** Command lines that cannot work, given to the real spawn-fcgi and to `fpm-ts spawn`: what they say and exit with. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { compileFixture } from '../lib/compile.ts';
import { freePort } from '../lib/ports.ts';
import { directoriesFor, endSpawned, KINDS, type Kind, runSpawn, type Spawned } from '../lib/spawn.ts';
import { suite } from '../lib/suite.ts';

suite('root/spawn-mistakes', {
  root: true,
  needs: ['gcc', 'libfcgi', 'spawn-fcgi', 'ss'],
  timeoutMs: 300_000,
}, async scope => {
  const program = await compileFixture('inspect');
  const port = String(await freePort());
  const server = createServer().listen(Number(port), '127.0.0.1');
  scope.defer(() => void server.close());
  let number = 0;

  /** Both, each in a directory with one socket in it on which somebody listens. */
  async function both(args: readonly string[], fill?: (dir: string) => void): Promise<Record<Kind, Spawned>> {
    const dirs = directoriesFor(scope, String(++number), fill);
    const [real, ours] = await Promise.all(KINDS.map(kind => runSpawn(scope, kind, dirs[kind], args)));
    if (real === undefined || ours === undefined) throw new Error('one of two');
    await endSpawned(real);
    return { 'spawn-fcgi': real, 'fpm-ts': ours };
  }
  const firstLine = ({ stderr }: Spawned): string => stderr.split('\n', 1)[0] ?? '';
  const app = ['--', program];

  const same: Readonly<Record<string, readonly string[]>> = {
    'no program': ['-s', 'app.sock'],
    'no address': app,
    'port 0': ['-p', '0', ...app],
    'two addresses': ['-p', port, '-s', 'app.sock', ...app],
    'a name for an address': ['-a', 'localhost', '-p', port, ...app],
    'a path that is too long': ['-s', `${'a'.repeat(108)}`, ...app],
    'an unknown user': ['-s', 'app.sock', '-u', 'nosuch', ...app],
    'root for a user': ['-s', 'app.sock', '-u', 'root', ...app],
    '0 for a user': ['-s', 'app.sock', '-u', '0', ...app],
    'an unknown group': ['-s', 'app.sock', '-g', 'nosuch', ...app],
    'root for a group': ['-s', 'app.sock', '-u', 'www-data', '-g', 'root', ...app],
    'an unknown owner of the socket': ['-s', 'app.sock', '-U', 'nosuch', ...app],
    'root for the group of the socket': ['-s', 'app.sock', '-G', 'root', ...app],
    'a program that fails': ['-s', 'app.sock', '--', '/bin/sh', '-c', 'exit 7'],
    'a command that the shell does not find': ['-s', 'app.sock', '-f', 'no-such-program'],
    'a program that is killed': ['-s', 'app.sock', '--', '/bin/sh', '-c', 'kill -9 $$'],
  };
  await scope.test('the same words and the same exit code', async () => {
    for (const [name, args] of Object.entries(same)) {
      const { 'spawn-fcgi': real, 'fpm-ts': ours } = await both(args);
      assert.deepEqual([ours.code, firstLine(ours), ours.stdout], [real.code, firstLine(real), ''], name);
      assert.notEqual(ours.code, 0, name);
    }
  });

  await scope.test('a socket on which somebody listens, of another spawn too', async () => {
    const args = ['-s', 'app.sock', ...app];
    const dirs = directoriesFor(scope, 'twice');
    for (const kind of KINDS) {
      await runSpawn(scope, kind, dirs[kind], args);
      for (const second of KINDS) {
        const { code, stderr } = await runSpawn(scope, second, dirs[kind], args);
        assert.deepEqual(
          [code, stderr.split('\n')[0]],
          [255, "spawn-fcgi: socket is already in use, can't spawn"],
        );
      }
    }
  });

  const begun: Readonly<Record<string, readonly string[]>> = {
    'bind failed: ': ['-s', 'no/such/app.sock', ...app],
    'bind failed: Address already in use': ['-a', '127.0.0.1', '-p', port, ...app],
    "chdir('/no/such') failed: ": ['-s', 'app.sock', '-d', '/no/such', ...app],
    "chroot('no/such') failed: ": ['-s', 'app.sock', '-S', '-c', 'no/such', ...app],
    "opening PID-file 'no/such.pid' failed: ": ['-s', 'app.sock', '-P', 'no/such.pid', ...app],
    'invalid port: 12': ['-p', '12x', ...app],
  };
  await scope.test('the same beginning and exit code; then what is wrong, and what to do', async () => {
    for (const [beginning, args] of Object.entries(begun)) {
      const { 'spawn-fcgi': real, 'fpm-ts': ours } = await both(args);
      for (const it of [real, ours]) {
        assert.equal(it.code, 255, `${it.kind} ${args.join(' ')}: ${it.stderr}`);
        assert.ok(it.stderr.startsWith(`spawn-fcgi: ${beginning}`), `${it.kind}: ${it.stderr}`);
      }
      assert.doesNotMatch(ours.stderr, /\.toml|fpm-ts-spawn/);
    }
  });

  interface Difference {
    readonly args: readonly string[];
    /** spawn-fcgi's exit code, and ours. */
    readonly codes: readonly [number, number];
    readonly says: RegExp;
    readonly fill?: (dir: string) => void;
    readonly after?: (dir: string, kind: Kind) => void;
  }
  const different: Readonly<Record<string, Difference>> = {
    'an unknown option is an error': {
      args: ['-x', '-s', 'app.sock', ...app],
      codes: [0, 64],
      says: /unknown option '-x'/,
    },
    'a port above 65535 is not another one': {
      args: ['-p', '70000', '--', '/bin/false'],
      codes: [1, 255],
      says: /^spawn-fcgi: invalid port: 70000\n$/,
    },
    'a mode that is no number is not 0': {
      args: ['-s', 'app.sock', '-M', 'rw', ...app],
      codes: [0, 255],
      says: /^spawn-fcgi: invalid mode: rw \(/,
    },
    'no children are no success': {
      args: ['-s', 'app.sock', '-F', '0', ...app],
      codes: [0, 255],
      says: /^spawn-fcgi: invalid number of children: 0 \(/,
    },
    'a number with letters in it is none': {
      args: ['-s', 'app.sock', '-b', '5k', ...app],
      codes: [0, 255],
      says: /^spawn-fcgi: invalid number: 5k \(/,
    },
    "workers do not keep root's group": {
      args: ['-s', 'app.sock', '-u', '61099', ...app],
      codes: [0, 255],
      says: /^spawn-fcgi: couldn't find the user for uid 61099 and no group was specified: add -g/,
    },
    'a program that is not there is named': {
      args: ['-s', 'app.sock', '--', '/no/such/program'],
      codes: [2, 2],
      says: /^spawn-fcgi: exec failed: \/no\/such\/program does not exist/,
    },
    'a program that ends at once with 0 has not been spawned': {
      args: ['-s', 'app.sock', '--', '/bin/true'],
      codes: [0, 1],
      says: /^spawn-fcgi: child exited with: 0\n/,
    },
    'what is no socket is not removed': {
      args: ['-s', 'precious', ...app],
      codes: [0, 255],
      says: /^spawn-fcgi: bind failed: .* is a regular file, and only a socket is ever replaced/,
      fill: dir => writeFileSync(join(dir, 'precious'), 'data'),
      after: (dir, kind) => {
        if (kind === 'fpm-ts') assert.equal(readFileSync(join(dir, 'precious'), 'utf8'), 'data');
      },
    },
    'a link is not followed for a pid file': {
      args: ['-s', 'app.sock', '-P', 'app.pid', ...app],
      codes: [0, 255],
      says: /^spawn-fcgi: opening PID-file 'app.pid' failed: .* is a symbolic link/,
      fill: dir => {
        writeFileSync(join(dir, 'precious'), 'data');
        symlinkSync('precious', join(dir, 'app.pid'));
      },
      after: (dir, kind) => {
        if (kind === 'fpm-ts') assert.equal(readFileSync(join(dir, 'precious'), 'utf8'), 'data');
      },
    },
  };
  for (const [name, { args, codes, says, fill, after }] of Object.entries(different)) {
    await scope.test(`other than spawn-fcgi: ${name}`, async () => {
      const { 'spawn-fcgi': real, 'fpm-ts': ours } = await both(args, fill);
      assert.deepEqual([real.code, ours.code], codes, real.stderr + ours.stderr);
      assert.match(ours.stderr, says);
      after?.(real.dir, 'spawn-fcgi');
      after?.(ours.dir, 'fpm-ts');
    });
  }

  await scope.test('without arguments: help, and a failure', async () => {
    const { 'spawn-fcgi': real, 'fpm-ts': ours } = await both([]);
    assert.deepEqual([real.code, ours.code], [255, 255]);
    for (const { stdout } of [real, ours]) assert.match(stdout, /^Usage: .*spawn.*\n.* -F <children>/s);
  });

  await scope.test('nothing of a start that failed is left', () => {
    const sockets = readdirSync(scope.dir, { recursive: true, withFileTypes: true })
      .filter(entry => entry.isSocket() && entry.parentPath.endsWith('/fpm-ts'))
      .map(entry => join(entry.parentPath, entry.name));
    assert.deepEqual(sockets, [join(scope.dir, 'twice', 'fpm-ts', 'app.sock')]);
    assert.equal(readdirSync('/run/fpm-ts-spawn').filter(name => isOf(scope.dir, name)).length, 1);
  });
});

/** Whether the configuration of a spawn names something below this directory. */
function isOf(dir: string, name: string): boolean {
  const folder = join('/run/fpm-ts-spawn', name);
  return readdirSync(folder)
    .filter(it => it.endsWith('.toml'))
    .some(it => readFileSync(join(folder, it), 'utf8').includes(dir));
}
