/**
 * One verdict: `check`, `start` and `reload` refuse the same configurations with the same words, and a mistake is
 * found before anything has been started.
 */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { chownSync, closeSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { basename, join } from 'node:path';
import { formatProblem, type Problem } from '../../src/config/problems.ts';
import { declare, must } from '../../src/os/libc.ts';
import { inetAddress } from '../../src/os/sockaddr.ts';
import { type CommandResult, runCommand } from '../lib/command.ts';
import { startDaemon } from '../lib/daemon.ts';
import { install } from '../lib/installed.ts';
import { MAIN } from '../lib/paths.ts';
import type { Place } from '../lib/place.ts';
import { poolText, scriptPool } from '../lib/pools.ts';
import { freePort } from '../lib/ports.ts';
import { IS_ROOT, type Scope, suite } from '../lib/suite.ts';
import { type Ground, goodPool, IN_FILES, type Mistake, ON_SYSTEM, poolsOf } from './check-mistakes.ts';

/** nobody and nogroup of Debian; the numbers need no names. */
const ORDINARY = 65_534;
const LOCKABLE_BYTES = 65_536;

/** In front of fpm-ts, so that it runs as who is meant; and its Node and program. */
type Command = readonly string[];

function asOrdinary(node: string, main: string): Command {
  const user = ['setpriv', `--reuid=${ORDINARY}`, `--regid=${ORDINARY}`, '--clear-groups'];
  const limited = ['prlimit', `--memlock=${LOCKABLE_BYTES}:${LOCKABLE_BYTES}`];
  return [...limited, ...(IS_ROOT ? user : []), node, main];
}

async function run(command: Command, ...args: readonly string[]): Promise<CommandResult> {
  const [program = '', ...rest] = command;
  return await runCommand(program, [...rest, ...args]);
}

interface Said {
  readonly error: Readonly<Record<string, unknown>> & { readonly message: string };
}

interface Checked {
  readonly ok: boolean;
  readonly error?: Omit<Said['error'], never>;
  readonly problems: readonly Problem[];
  readonly untested: readonly { readonly what: string; readonly why: string }[];
}

async function check(command: Command, file: string): Promise<Checked & { code: number | null }> {
  const { code, stdout, stderr } = await run(command, '-c', file, '--json', 'check');
  assert.equal(stderr, '');
  return { code, ...(JSON.parse(stdout) as Checked) };
}

/** What `start` and `reload` say must be what `check` found. */
function assertSameVerdict(checked: Checked, result: CommandResult): void {
  assert.equal(result.code, 78, result.stdout + result.stderr);
  const { error } = JSON.parse(result.stdout || result.stderr) as Said;
  const errors = checked.problems.filter(({ severity }) => severity === 'error');
  assert.equal(error.message, errors.map(formatProblem).join('\n'));
  for (const name of ['code', 'file', 'line', 'column', 'key'])
    assert.equal(error[name] ?? null, checked.error?.[name] ?? null, name);
}

/** One address in IPv6 and IPv4, shared as SO_REUSEPORT allows: a bind beside it would succeed. */
function shareEverywhere(place: Place, port: number): void {
  const socket = declare('int socket(int, int, int)');
  const setsockopt = declare('int setsockopt(int, int, int, void *, uint32_t)');
  const bind = declare('int bind(int, void *, uint32_t)');
  const listen = declare('int listen(int, int)');
  const { family, bytes } = inetAddress('::', port);
  const descriptor = must(socket(family, 1 | 0o2000000, 0), 'socket');
  place.defer(() => closeSync(descriptor));
  const on = Buffer.from([1, 0, 0, 0]);
  must(setsockopt(descriptor, 1, 15, on, on.length), 'SO_REUSEPORT');
  must(bind(descriptor, bytes, bytes.length), 'bind');
  must(listen(descriptor, 1), 'listen');
}

async function listen(place: Place, on: { path: string } | { host: string; port: number }): Promise<void> {
  const server = createServer();
  server.listen(on);
  await once(server, 'listening');
  place.defer(async () => {
    server.close();
    await once(server, 'close');
  });
}

type Taken = Omit<Ground, 'dir'>;

/** What is in the way of the mistakes. */
async function prepare(scope: Scope): Promise<Taken> {
  const takenSocket = join(scope.dir, 'taken.sock');
  const [takenPort, takenDualPort] = [await freePort(), await freePort()];
  await listen(scope, { path: takenSocket });
  await listen(scope, { host: '127.0.0.1', port: takenPort });
  shareEverywhere(scope, takenDualPort);
  return { takenSocket, takenPort, takenDualPort, lockableBytes: LOCKABLE_BYTES };
}

/** A mistake with its own directory and the files that it is in. */
interface Made {
  readonly mistake: Mistake;
  readonly dir: string;
  readonly files: Readonly<Record<string, string>>;
}

/** Mistakes of pools, each with pools of its own, so that one configuration holds them all. */
function make(mistakes: readonly Mistake[], taken: Taken, place: string): Made[] {
  return mistakes.map((mistake, index) => {
    const name = `m${String(index).padStart(2, '0')}`;
    const dir = join(place, name);
    mkdirSync(dir, { recursive: true });
    const [first = '', ...more] = poolsOf(mistake, { ...taken, dir });
    const second = more.map(text => [`${name}-2.toml`, text]);
    return { mistake, dir, files: { [`${name}.toml`]: first, ...Object.fromEntries(second) } };
  });
}

/** What was found in the files of one mistake, as `Mistake.says` expects it. */
function foundIn({ files }: Made, checked: Checked): string[] {
  const names = Object.keys(files);
  return checked.problems.flatMap(problem => {
    const index = names.indexOf(basename(problem.file ?? ''));
    const shown = ['www.toml', 'zzz.toml'][index];
    return shown === undefined ? [] : [formatProblem({ ...problem, file: shown })];
  });
}

function assertSays(mistake: Mistake, lines: readonly string[]): void {
  assert.ok(
    lines.some(line => mistake.says.test(line)),
    `${mistake.says} is not in\n${lines.join('\n')}`,
  );
}

function isFor(who: 'root' | 'user'): (mistake: Mistake) => boolean {
  return mistake => mistake.who === undefined || mistake.who === who;
}

/** The others are made in fpm-ts.toml. */
function isOfPool({ global }: Mistake): boolean {
  return global === undefined;
}

/** Writes a configuration, lets `check` and `start` judge it, and holds the two verdicts against each other. */
async function judge(
  scope: Scope,
  command: Command,
  dir: string,
  global: string,
  pools: Readonly<Record<string, string>>,
): Promise<Checked> {
  const file = join(dir, 'fpm-ts.toml');
  rmSync(join(dir, 'pools.d'), { recursive: true, force: true });
  mkdirSync(join(dir, 'pools.d'), { recursive: true });
  writeFileSync(file, `run_dir = "${dir}/run"\n${global}\n`);
  for (const [name, text] of Object.entries(pools)) writeFileSync(join(dir, 'pools.d', name), text);
  const checked = await check(command, file);
  assert.equal(checked.code, 78);
  await scope.test('start says what check says', async () => {
    assertSameVerdict(checked, await run(command, '-c', file, '--json', 'start'));
  });
  return checked;
}

async function tryAll(scope: Scope, command: Command, who: 'root' | 'user'): Promise<void> {
  const taken = await prepare(scope);
  const uid = who === 'user' && IS_ROOT ? ORDINARY : (process.getuid?.() ?? 0);
  chownSync(scope.dir, uid, uid);
  for (const group of [IN_FILES, ON_SYSTEM]) {
    const dir = join(scope.dir, group === IN_FILES ? 'files' : 'system');
    const made = make(group.filter(isFor(who)).filter(isOfPool), taken, dir);
    for (const path of [dir, ...made.map(it => it.dir)]) chownSync(path, uid, uid);
    const pools = Object.assign({}, ...made.map(({ files }) => files)) as Record<string, string>;
    const checked = await judge(scope, command, dir, '', pools);
    for (const one of made)
      await scope.test(one.mistake.name, () => assertSays(one.mistake, foundIn(one, checked)));
  }
  const dir = join(scope.dir, 'global');
  mkdirSync(dir);
  chownSync(dir, uid, uid);
  const ground: Ground = { ...taken, dir };
  for (const mistake of ON_SYSTEM.filter(isFor(who)).filter(it => !isOfPool(it))) {
    const pools = { 'www.toml': poolText(goodPool(ground)) };
    const checked = await judge(scope, command, dir, mistake.global?.(ground) ?? '', pools);
    const lines = checked.problems.map(it => formatProblem({ ...it, file: basename(it.file ?? '') }));
    await scope.test(mistake.name, () => assertSays(mistake, lines));
    rmSync(join(dir, 'run'), { recursive: true, force: true });
  }
}

suite('integration/check-start as root', { root: true }, async scope => {
  await tryAll(scope, [process.execPath, MAIN], 'root');
});

suite('integration/check-start as an ordinary user', { needs: ['setpriv'] }, async scope => {
  const { node, main } = IS_ROOT ? install(scope) : { node: process.execPath, main: MAIN };
  await tryAll(scope, asOrdinary(node, main), 'user');
});

suite('integration/check-start of reload', {}, async scope => {
  const daemon = await startDaemon(scope, {
    pools: { www: scriptPool('exec sleep 1000') },
    expectedLog: [/reload/],
  });
  const taken = await prepare(scope);
  const workers = async (): Promise<number[]> =>
    (await daemon.status()).pools.flatMap(pool => pool.processes.map(({ pid }) => pid));
  const before = await workers();
  for (const group of [IN_FILES, ON_SYSTEM]) {
    const mistakes = group.filter(isFor(IS_ROOT ? 'root' : 'user')).filter(isOfPool);
    const made = make(mistakes, taken, join(scope.dir, group === IN_FILES ? 'files' : 'system'));
    const files = made.flatMap(it => Object.entries(it.files));
    for (const [name, text] of files) writeFileSync(join(daemon.poolsDir, name), text);
    await scope.test(`reload says what check says of ${mistakes.length} mistakes`, async () => {
      const checked = await check([process.execPath, MAIN], daemon.configFile);
      assert.equal(checked.code, 78);
      for (const one of made) assertSays(one.mistake, foundIn(one, checked));
      assertSameVerdict(checked, await daemon.cli('--json', 'reload'));
    });
    for (const [name] of files) rmSync(join(daemon.poolsDir, name));
  }
  await scope.test('what ran before runs on', async () => assert.deepEqual(await workers(), before));
});

suite('integration/check-start of sockets from systemd', {}, async scope => {
  const ground = { dir: scope.dir };
  const pool = poolText({ ...goodPool(ground), 'listen.address': 'systemd:www' });
  const file = join(scope.dir, 'fpm-ts.toml');
  mkdirSync(join(scope.dir, 'pools.d'));
  writeFileSync(file, `run_dir = "${scope.dir}/run"\n`);
  writeFileSync(join(scope.dir, 'pools.d/www.toml'), pool);

  await scope.test('check cannot know what the service will be passed, and says so', async () => {
    const { code, ok, untested } = await check([process.execPath, MAIN], file);
    assert.deepEqual([code, ok], [0, true]);
    assert.deepEqual(
      untested.map(({ what }) => what),
      ['pool www: listen.address'],
    );
  });

  await scope.test('start refuses a name that it was not passed, and says which it was', async () => {
    const named = 'LISTEN_PID=$$ LISTEN_FDS=1 LISTEN_FDNAMES=api exec "$@" 3</dev/null';
    const result = await run(['sh', '-c', named, 'sh', process.execPath, MAIN], '-c', file, 'start');
    assert.equal(result.code, 78);
    assert.match(result.stderr, /www.toml:\d+:1: listen.address: .*no socket named www; it passed: api/);
  });
});
