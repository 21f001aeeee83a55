/**
 * What start, reload and check read of a tenant's: he exchanges it for another tenant's, for what never ends or for what
 * holds up whoever opens it, and gains nothing. His own pool fails at most.
 */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { checkSystem } from '../../src/config/check/check.ts';
import { type LoadResult, loadConfig } from '../../src/config/load.ts';
import { formatProblem } from '../../src/config/problems.ts';
import { lookupGroup } from '../../src/os/users.ts';
import { compileFixture } from '../lib/compile.ts';
import { curl } from '../lib/curl.ts';
import { startDaemon } from '../lib/daemon.ts';
import { exchange } from '../lib/exchange.ts';
import { type PoolKeys, poolText } from '../lib/pools.ts';
import { poolOf, workerPids } from '../lib/status.ts';
import { type Scope, suite } from '../lib/suite.ts';

const [ALICE, MALLORY] = [4401, 4402];
const SECRET = 'the-secret-of-alice';
const AS_MALLORY = ['setpriv', `--reuid=${MALLORY}`, `--regid=${MALLORY}`, '--clear-groups'];

interface Homes {
  readonly alice: string;
  readonly mallory: string;
  /** Alice's, for her alone; and one that only her home protects. */
  readonly secret: string;
  readonly open: string;
  /** Mallory's, as the administrator's pool file names it. */
  readonly own: string;
}

function own(path: string, uid: number, mode: number): string {
  chownSync(path, uid, uid);
  chmodSync(path, mode);
  return path;
}

function write(path: string, text: string, uid: number, mode: number): string {
  writeFileSync(path, text);
  return own(path, uid, mode);
}

function makeHomes(scope: Scope): Homes {
  const [alice, mallory] = (['alice', 'mallory'] as const).map(name => {
    mkdirSync(join(scope.dir, name));
    return own(join(scope.dir, name), name === 'alice' ? ALICE : MALLORY, 0o700);
  }) as [string, string];
  const site = join(alice, 'site');
  mkdirSync(site);
  own(site, ALICE, 0o755);
  return {
    alice,
    mallory,
    secret: write(join(alice, 'secret.env'), `SECRET=${SECRET}\n`, ALICE, 0o600),
    open: write(join(site, 'open.env'), `SECRET=${SECRET}\n`, ALICE, 0o644),
    own: write(join(mallory, 'app.env'), 'MODE=own\n', MALLORY, 0o600),
  };
}

function poolOfUser(uid: number, home: string, keys: PoolKeys = {}): string {
  return poolText({
    command: ['/bin/sleep', '1000'],
    protocol: 'other',
    listen: 'none',
    'pm.max_children': 1,
    user: String(uid),
    group: String(uid),
    chdir: home,
    ...keys,
  });
}

/** Mallory's path becomes something else, in one step. */
function becomes(path: string, make: (path: string) => unknown): void {
  make(`${path}.new`);
  renameSync(`${path}.new`, path);
}

suite('root/tenant-files', { root: true, needs: ['gcc', 'setpriv', 'curl'] }, async scope => {
  const { mallory, secret, open, own: envFile } = makeHomes(scope);
  await compileFixture('exchange', []);
  write(join(scope.dir, 'near.env'), `SECRET=${SECRET}\n`, 0, 0o644);
  const daemon = await startDaemon(scope, {
    pools: {
      alice: poolOfUser(ALICE, dirname(open), { env_files: [secret] }),
      mallory: poolOfUser(MALLORY, mallory, { env_files: [envFile] }),
    },
    expectedLog: [/reloadFailed/],
  });

  const reload = async (): Promise<{ status: number; body: string }> =>
    await curl(daemon.controlSocket, '/v1/reload', ['--data', '{"pools":["mallory"]}'], {
      as: AS_MALLORY,
    });
  const environments = async (): Promise<string[]> =>
    workerPids(await daemon.status(), 'mallory').map(environmentOf);
  const assertIntact = async (): Promise<void> => {
    for (const text of await environments()) assert.doesNotMatch(text, new RegExp(SECRET));
  };

  await scope.test('an own env file for oneself alone is read', async () => {
    const [pid] = workerPids(await daemon.status(), 'alice');
    assert.match(readFileSync(`/proc/${pid}/environ`, 'latin1'), new RegExp(SECRET));
    await assertIntact();
  });

  const [hers] = workerPids(await daemon.status(), 'alice');
  const [supervisor] = [(await daemon.status()).supervisor_pid];
  const links: readonly (readonly [name: string, target: string])[] = [
    ['another tenant’s file', secret],
    ['a file that only her home protects', open],
    ['the working directory of another tenant’s worker', `/proc/${hers}/cwd/open.env`],
    ['the root directory of one', `/proc/${hers}/root${open}`],
    ['the variables of one', `/proc/${hers}/environ`],
    ['what the supervisor works in', `/proc/${supervisor}/cwd/near.env`],
    ['the supervisor itself', '/proc/self/maps'],
    ['/dev/zero', '/dev/zero'],
    ['a directory', '/etc'],
    ['itself', envFile],
  ];
  const things: readonly (readonly [name: string, make: (path: string) => unknown])[] = [
    ...links.map(
      ([name, target]) => [`a link to ${name}`, (path: string) => symlinkSync(target, path)] as const,
    ),
    ['a pipe', path => execFileSync('mkfifo', [path])],
    ['a file of a terabyte', path => truncateSync(write(path, '', MALLORY, 0o600), 2 ** 40)],
    ['a key in PEM', path => write(path, '-----BEGIN KEY-----\nMIIEsecret==\n', MALLORY, 0o600)],
    ['nothing', path => write(path, '', MALLORY, 0o000)],
  ];
  for (const [name, make] of things)
    await scope.test(`the env file becomes ${name}: the reload fails, and changes nothing`, async () => {
      becomes(envFile, make);
      const before = workerPids(await daemon.status(), 'mallory');
      const { status, body } = await reload();
      assert.notEqual(status, 200, body);
      assert.match(body, /RELOAD_FAILED.*pool mallory: /);
      assert.doesNotMatch(body, /MIIE/);
      assert.deepEqual(workerPids(await daemon.status(), 'mallory'), before);
      await assertIntact();
      rmSync(envFile);
      write(envFile, 'MODE=own\n', MALLORY, 0o600);
    });

  await scope.test('it is exchanged as fast as the kernel can: her secret never arrives', async () => {
    symlinkSync(secret, `${envFile}.other`);
    const stop = await exchange(scope, { one: envFile, other: `${envFile}.other` }, MALLORY);
    const outcomes = new Set<number>();
    for (let i = 0; i < 12; i++) {
      outcomes.add((await reload()).status);
      await assertIntact();
    }
    let reads = 0;
    for (; reads < 300; reads++) {
      const { config } = load(daemon.configFile);
      const env = config?.pools.find(({ name }) => name === 'mallory')?.env ?? {};
      assert.doesNotMatch(JSON.stringify(env), new RegExp(SECRET));
    }
    await stop();
    scope.diagnostic(`answers ${[...outcomes].join()}, ${reads} reads`);
    rmSync(envFile, { force: true });
    rmSync(`${envFile}.other`, { force: true });
    write(envFile, 'MODE=own\n', MALLORY, 0o600);
  });

  await scope.test(
    'the other pools are reloaded, and the message names the pool that failed and the reason',
    async () => {
      becomes(envFile, path => symlinkSync(secret, path));
      const { code, stderr } = await daemon.cli('reload');
      assert.equal(code, 1);
      assert.match(
        stderr,
        /^fpm-ts: pool mallory: .*app.env cannot be read with the rights of uid 4402 \(EACCES\)/,
      );
      const { counters } = poolOf(await daemon.status(), 'alice');
      assert.equal(counters.reloads, 1);
      rmSync(envFile);
      write(envFile, 'MODE=own\n', MALLORY, 0o600);
    },
  );

  await scope.test('mended, the reload works', async () => {
    const { status, body } = await reload();
    assert.equal(status, 200, body);
    assert.equal(poolOf(await daemon.status(), 'mallory').state, 'running');
    for (const text of await environments()) assert.match(text, /(^|\0)MODE=own\0/);
  });
});

/** Empty: it has just ended. */
function environmentOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/environ`, 'latin1');
  } catch {
    return '';
  }
}

function load(file: string): LoadResult {
  return loadConfig({ file, env: {}, uid: 0 });
}

suite('root/tenant-files: the program', { root: true, needs: ['gcc'] }, async scope => {
  const { alice, mallory } = makeHomes(scope);
  const program = write(join(mallory, 'app'), '#!/bin/sh\nexec sleep 1000\n', MALLORY, 0o755);
  const file = join(scope.dir, 'fpm-ts.toml');
  mkdirSync(join(scope.dir, 'pools.d'));
  writeFileSync(file, `run_dir = "${scope.dir}/run"\n`);
  const pool = (keys: PoolKeys): void =>
    writeFileSync(join(scope.dir, 'pools.d/mallory.toml'), poolOfUser(MALLORY, mallory, keys));
  const check = async (): Promise<string> => {
    const { config, problems, sources } = load(file);
    assert.ok(config !== null, problems.map(formatProblem).join('\n'));
    const { obstacles } = await checkSystem(config, sources, { ownAddresses: new Set(), env: {} });
    return [...obstacles.values()].flat().map(formatProblem).join('\n');
  };

  await scope.test('exchanged for a pipe and back, it holds nobody up', async () => {
    pool({ command: [program] });
    execFileSync('mkfifo', ['-m', '0755', `${program}.other`]);
    const stop = await exchange(scope, { one: program, other: `${program}.other` }, MALLORY);
    const said = new Set<string>();
    for (let i = 0; i < 300; i++) said.add(await check());
    await stop();
    assert.ok(said.size > 1, 'both were seen');
  });

  await scope.test('exchanged for a link to what is another’s: nothing of that is told', async () => {
    const hers = write(join(alice, 'app'), '#!/alices/interpreter\n', ALICE, 0o755);
    rmSync(program);
    rmSync(`${program}.other`);
    write(program, '#!/bin/sh\nexec sleep 1000\n', MALLORY, 0o755);
    symlinkSync(hers, `${program}.other`);
    const stop = await exchange(scope, { one: program, other: `${program}.other` }, MALLORY);
    for (let i = 0; i < 300; i++) assert.doesNotMatch(await check(), /interpreter|4401:4401.*app/);
    await stop();
  });

  await scope.test('links that lead through thousands of directories end soon', async () => {
    const deep = join(mallory, ...Array.from({ length: 300 }, () => 'd'));
    mkdirSync(deep, { recursive: true });
    symlinkSync(Array.from({ length: 300 }, () => 'd').join('/'), join(mallory, 'way'));
    pool({ command: [join(mallory, 'way', 'app')] });
    assert.match(await check(), /leads through too many directories/);
  });

  await scope.test('in a jail whose way is closed to its user, all of it is seen', async () => {
    const closed = join(scope.dir, 'closed');
    mkdirSync(join(closed, 'jail/bin'), { recursive: true });
    chmodSync(closed, 0o700);
    write(join(closed, 'jail/bin/app'), '#!/bin/missing\n', 0, 0o755);
    pool({ command: ['/bin/app'], chroot: join(closed, 'jail'), chdir: '/' });
    assert.match(
      await check(),
      /\/bin\/app needs the interpreter \/bin\/missing: .*there is no .*\/jail\/bin\/missing/,
    );
    assert.doesNotMatch(await check(), /proc\/self/);
  });

  await scope.test('a PATH of thousands in his env file is his pool’s mistake', async () => {
    const long = Array.from({ length: 5000 }, (_, i) => `/p${i}`).join(':');
    const env = write(join(mallory, 'path.env'), `PATH=${long}\n`, MALLORY, 0o600);
    pool({ command: ['sleep', '1000'], env_files: [env] });
    assert.match(await check(), /env_files: PATH has 5000 directories/);
  });
});

suite('root/tenant-files: the address', { root: true }, async scope => {
  const { alice, mallory } = makeHomes(scope);
  const shared = join(scope.dir, 'sockets');
  mkdirSync(shared);
  mkdirSync(join(scope.dir, 'pools.d'));
  const file = join(scope.dir, 'fpm-ts.toml');
  writeFileSync(file, `run_dir = "${scope.dir}/run"\n`);
  const check = async (hers: string, his: string): Promise<readonly [all: number, alone: string[]]> => {
    const pools = { alice: poolOfUser(ALICE, alice), zmallory: poolOfUser(MALLORY, mallory) };
    for (const [name, text] of Object.entries(pools)) {
      const path = name === 'alice' ? hers : his;
      const listening = text.replace('listen = "none"', `listen.address = "${path}"`);
      writeFileSync(join(scope.dir, `pools.d/${name}.toml`), listening);
    }
    const { config, sources } = load(file);
    assert.ok(config !== null);
    const found = await checkSystem(config, sources, { ownAddresses: new Set(), env: {} });
    return [found.problems.length, [...found.obstacles.keys()]];
  };

  await scope.test('in the files it is the same: that is everybody’s', async () => {
    const path = join(shared, 'x.sock');
    assert.deepEqual(await check(path, path), [1, []]);
  });

  await scope.test(
    'a tenant’s directory becomes a link to another one’s: his pool fails, hers does not',
    async () => {
      for (const target of [alice, shared]) {
        symlinkSync(target, join(mallory, 'run'));
        assert.deepEqual(await check(join(target, 'x.sock'), join(mallory, 'run/x.sock')), [0, ['zmallory']]);
        rmSync(join(mallory, 'run'));
      }
      symlinkSync(mallory, join(alice, 'run'));
      assert.deepEqual(await check(join(alice, 'run/x.sock'), join(mallory, 'x.sock')), [0, ['alice']]);
    },
  );

  await scope.test('or to where fpm-ts has its own: his pool fails', async () => {
    mkdirSync(join(scope.dir, 'run'));
    symlinkSync(join(scope.dir, 'run'), join(mallory, 'run'));
    assert.deepEqual(await check(join(shared, 'x.sock'), join(mallory, 'run/control.sock')), [
      0,
      ['zmallory'],
    ]);
  });
});

suite('root/tenant-files: who may change the configuration', { root: true }, async scope => {
  const { mallory } = makeHomes(scope);
  const poolsDir = join(scope.dir, 'pools.d');
  const file = join(scope.dir, 'fpm-ts.toml');
  mkdirSync(poolsDir);
  writeFileSync(file, `run_dir = "${scope.dir}/run"\n`);
  const path = join(poolsDir, 'mallory.toml');
  const check = async (): Promise<string> => {
    const { config, problems, sources } = load(file);
    if (config === null) return problems.map(formatProblem).join('\n');
    const checked = await checkSystem(config, sources, { ownAddresses: new Set(), env: {} });
    return checked.problems.map(formatProblem).join('\n');
  };
  const written = (text: string, uid: number, gid: number, mode: number): void => {
    rmSync(path, { force: true });
    writeFileSync(path, text);
    chownSync(path, uid, gid);
    chmodSync(path, mode);
  };
  const text = poolOfUser(MALLORY, mallory);

  await scope.test('only root: nothing is said', async () => {
    written(text, 0, 0, 0o644);
    assert.equal(await check(), '');
    chmodSync(path, 0o664); // of root's group
    assert.equal(await check(), '');
  });

  await scope.test('a pool’s user, or everybody: refused', async () => {
    written(text, MALLORY, 0, 0o644);
    assert.match(await check(), /mallory.toml: 4402, as whom pool mallory runs, may change this file/);
    written(text, 0, MALLORY, 0o664);
    assert.match(await check(), /mallory.toml: notice: the group 4402 may change this file/);
    written(text, 0, 0, 0o666);
    assert.match(await check(), /mallory.toml: everybody may change this file/);
    written(text, 0, 0, 0o644);
    chmodSync(poolsDir, 0o777);
    assert.match(await check(), /mallory.toml: everybody may change this file/);
    chmodSync(poolsDir, 0o755);
  });

  await scope.test('another one: it is said', async () => {
    written(text, ALICE, 0, 0o644);
    assert.match(await check(), /mallory.toml: notice: uid 4401 may change this file, and so start/);
  });

  const adm = lookupGroup('adm')?.gid ?? 0;
  const shared = (uid: number): void => {
    chownSync(poolsDir, uid, adm);
    chmodSync(poolsDir, 0o2775);
  };

  await scope.test(
    'a group of administrators: it is said, and its files are read as it reads them',
    async () => {
      shared(0);
      written(text, 0, adm, 0o640);
      assert.match(await check(), /^[^\n]*mallory.toml: notice: the group adm may change this file, and so/);
      written(text, 0, 0, 0o600);
      assert.match(
        await check(),
        /rights of the group adm \(EACCES\).*\n +let the group adm read it, or keep it in a directory that only root/,
      );
    },
  );

  await scope.test(
    'one of them exchanges a file for a link to what is closed to them: nothing of it is told',
    async () => {
      written(text, 0, adm, 0o640);
      symlinkSync(write(join(scope.dir, 'shadow'), 'the-password\n', 0, 0o600), `${path}.other`);
      const stop = await exchange(scope, { one: path, other: `${path}.other` }, 4403, adm);
      const said = new Set<string>();
      for (let i = 0; i < 300; i++) said.add(await check());
      await stop();
      const all = [...said].join('\n');
      assert.match(all, /cannot be read with the rights of the group adm/);
      assert.match(all, /notice: the group adm may change/);
      assert.doesNotMatch(all, /the-password/);
      rmSync(`${path}.other`);
    },
  );

  await scope.test('a group, and somebody who is no member: read as everybody reads it', async () => {
    shared(ALICE);
    written(text, 0, adm, 0o640);
    assert.match(
      await check(),
      /cannot be read with the rights of everybody .*\n +keep it in a directory that only root may write/,
    );
    chmodSync(path, 0o644);
    assert.match(await check(), /notice: the group adm and uid 4401 may change this file/);
    chownSync(poolsDir, 0, 0);
    chmodSync(poolsDir, 0o755);
  });

  await scope.test('each remedy can be followed without harm', async () => {
    written(text, 0, MALLORY, 0o664);
    assert.match(
      await check(),
      new RegExp(`if that is not intended: chown root ${path}; chmod go-w ${path}$`),
    );
    chownSync(poolsDir, ALICE, 0); // such as a clone in a home
    assert.match(await check(), /if that is not intended: write it anew in a directory that only root may/);
    chownSync(poolsDir, 0, 0);
  });

  await scope.test('extends in a tenant’s home: what he makes of it is read with his rights', async () => {
    const template = join(mallory, 'template.toml');
    const hidden = write(join(scope.dir, 'hidden.toml'), 'the-password\n', 0, 0o600);
    symlinkSync(hidden, template);
    written(`extends = "${template}"\n${text}`, 0, 0, 0o644);
    const said = await check();
    assert.match(said, /extends: .*template.toml cannot be read with the rights of/);
    assert.doesNotMatch(said, /the-password/);
    rmSync(template);
    write(template, 'umask = "0027"\n', MALLORY, 0o644);
    assert.match(await check(), /template.toml: 4402, as whom pool mallory runs, may change this file/);
  });
});
