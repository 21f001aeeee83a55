/** `fpm-ts logs`: from files alone, from a running daemon, and across rotation. */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  appendFileSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { SEARCH_MAX_BYTES } from '../../src/cli/logs/last-lines.ts';
import { jsonLine, prettyFormat } from '../../src/keeper/output/log-format.ts';
import { type CommandResult, cleanEnvironment, runCommand } from '../lib/command.ts';
import { assertNothingLeft, watchProcesses } from '../lib/leftovers.ts';
import { MAIN } from '../lib/paths.ts';
import { until } from '../lib/poll.ts';
import { scriptPool } from '../lib/pools.ts';
import { type Scope, suite } from '../lib/suite.ts';

interface Site {
  readonly config: string;
  readonly main: string;
  readonly own: string;
  readonly logs: (...args: string[]) => Promise<CommandResult>;
  readonly cli: (...args: string[]) => Promise<CommandResult>;
}

/** Two pools, `www` in the main log and `shop` with a file of its own. */
function site(scope: Scope, mainLog?: string): Site {
  const { dir } = scope;
  const [config, main, own] = [join(dir, 'fpm-ts.toml'), join(dir, 'main.log'), join(dir, 'shop.log')];
  mkdirSync(join(dir, 'pools.d'));
  const script = 'echo hello; exec sleep 1000';
  writeFileSync(join(dir, 'pools.d/www.toml'), scriptPool(script));
  writeFileSync(join(dir, 'pools.d/shop.toml'), scriptPool(script, { 'log.file': own }));
  writeFileSync(config, `run_dir = "${dir}/run"\nlog.file = "${mainLog ?? main}"\n`);
  const cli: Site['cli'] = (...args) =>
    runCommand(process.execPath, [MAIN, '-c', config, ...args], { cwd: dir });
  return { config, main, own, cli, logs: (...args) => cli('logs', ...args) };
}

/** `logs -f`, and what it has printed. */
function following(scope: Scope, { config }: Site, ...args: string[]) {
  const child: ChildProcess = spawn(process.execPath, [MAIN, '-c', config, 'logs', '-f', ...args], {
    env: cleanEnvironment(),
  });
  let text = '';
  child.stdout?.on('data', chunk => {
    text += String(chunk);
  });
  scope.defer(async () => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    child.kill();
    await once(child, 'exit');
  });
  return {
    text: () => text,
    shows: (what: string) => until(() => text.includes(what), { what: `logs -f shows ${what}` }),
  };
}

const output = (time: number, pool: string, msg: string): string =>
  jsonLine({ level: 30, time, pool, pid: 7, stream: 'stdout', msg });
const ours = (time: number, event: string, more: object, msg: string): string =>
  jsonLine({ level: 40, time, event, ...more, msg });
const texts = ({ stdout }: CommandResult): string[] =>
  stdout
    .trimEnd()
    .split('\n')
    .map(line => line.slice('2026-12-01 04:38:03.123 '.length));

suite('integration/logs-files', {}, async scope => {
  const place = site(scope);
  const { main, own, logs } = place;

  await scope.test('a log that does not exist yet: which, and exit code 1', async () => {
    const { code, stdout, stderr } = await logs();
    assert.deepEqual([code, stdout], [1, '']);
    assert.match(stderr, /^fpm-ts: the log \S+main\.log does not exist/);
  });

  writeFileSync(
    main,
    [
      output(1000, 'www', 'first'),
      ours(3000, 'rolled', { pool: 'shop' }, 'pool shop: generation 2 serves'),
      ours(4000, 'reloaded', { pools: ['shop', 'web'] }, 'reloaded shop, web'),
      output(5000, 'www', 'pool shop: forged'),
      'a crash \x1b[31mof Node',
      '',
    ].join('\n'),
  );
  const pretty = prettyFormat(false);
  const shop = [output(2000, 'shop', 'second'), output(6000, 'shop', 'sixth')];
  writeFileSync(own, `${shop[0]}\n${pretty(shop[1] ?? '')}raw line\nunfinish`);

  await scope.test(
    'without a supervisor: all files as one sequence, made for people and a terminal',
    async () => {
      const { code, stderr, ...rest } = await logs();
      assert.deepEqual([code, stderr], [0, '']);
      const shown = rest.stdout.trimEnd().split('\n');
      assert.deepEqual(
        shown.map(
          line =>
            /(first|second|rolled|generation|reloaded|forged|crash.*|sixth|raw line|unfinish)/.exec(
              line,
            )?.[1],
        ),
        [
          'first',
          'second',
          'generation',
          'reloaded',
          'forged',
          'crash \\x1b[31mof Node',
          'sixth',
          'raw line',
        ],
      );
      assert.match(shown[0] ?? '', /^\d{4}-\d\d-\d\d [\d:.]{12} INFO {2}www +7 {2}stdout: first$/);
    },
  );

  await scope.test('--since and --level: by time and level, in JSON and in lines for people', async () => {
    const since = await logs('--since', '1970-01-01T00:00:04Z');
    assert.match(since.stdout, /reloaded.*\n.*forged\n.*sixth\n$/);
    assert.doesNotMatch(since.stdout, /first|second|generation|crash|raw line/);
    const level = await logs('--level', 'warn');
    assert.deepEqual(level.stdout.match(/^.* WARN .*$/gm)?.length, level.stdout.trimEnd().split('\n').length);
    assert.match(level.stdout, /generation 2 serves/);
    assert.equal((await logs('--since', '1h')).stdout, '');
    const wrong = await logs('--since', 'yesterday');
    assert.equal(wrong.code, 64);
    assert.match(wrong.stderr, /duration such as 10m/);
    assert.equal((await logs('--level', 'loud')).code, 64);
  });

  await scope.test(
    'of one pool, whichever file a record is in; nothing that another pool forged',
    async () => {
      const found = texts(await logs('shop'));
      assert.deepEqual(
        found.map(line => line.split('  ').at(-1)),
        ['stdout: second', 'generation 2 serves', 'reloaded shop, web', 'stdout: sixth', ''],
      );
      assert.deepEqual(
        texts(await logs('www')).map(line => line.split('  ').at(-1)),
        ['stdout: first', 'stdout: pool shop: forged'],
      );
      const { code, stderr } = await logs('nobody');
      assert.equal(code, 66);
      assert.match(stderr, /there is no pool nobody .*there are: shop, www/);
    },
  );

  await scope.test('-n counts lines over all files; --json has one object a line', async () => {
    assert.equal((await logs('-n', '2')).stdout.trimEnd().split('\n').length, 2);
    assert.equal((await logs('-n', '0')).stdout, '');
    const json = (await logs('--json')).stdout.trimEnd().split('\n');
    assert.equal(json.length, 8);
    for (const line of json) assert.equal(typeof (JSON.parse(line) as { msg: unknown }).msg, 'string');
    assert.equal((await logs('-n', 'many')).code, 64);
  });

  await scope.test('a configuration with errors: the main log, and what is missing', async () => {
    const file = join(scope.dir, 'fpm-ts.toml');
    const text = readFileSync(file, 'utf8');
    writeFileSync(file, `${text}no_such_key = 1\n`);
    const { code, stdout, stderr } = await logs();
    writeFileSync(file, text);
    assert.deepEqual([code, stdout.trimEnd().split('\n').length], [0, 5]);
    assert.match(stderr, /the configuration has errors.*not shown/);
  });

  await scope.test(
    '-f across copytruncate, and across a rename with lines that still go to the old file',
    async () => {
      const follow = following(scope, place, 'shop', '-n', '0');
      const write = (file: string, text: string): void =>
        appendFileSync(file, `${output(9000, 'shop', text)}\n`);
      // Only what is written after the start is shown, so it is written until the start is over.
      await until(
        () => {
          write(own, 'start');
          return follow.text().includes('start');
        },
        { what: 'the first line' },
      );
      write(own, 'before the copy');
      await follow.shows('before the copy');
      copyFileSync(own, `${own}.1`);
      truncateSync(own);
      write(own, 'after the truncation');
      await follow.shows('after the truncation');
      renameSync(own, `${own}.2`);
      write(`${own}.2`, 'late in the old file');
      await follow.shows('late in the old file');
      writeFileSync(own, '');
      write(`${own}.2`, 'later in the old file');
      write(own, 'first of the new file');
      await follow.shows('first of the new file');
      const text = follow.text();
      assert.equal(text.split('later in the old file').length, 2);
      assert.ok(text.indexOf('later in') < text.indexOf('first of the new'));
      write(main, 'of shop in the main log');
      await follow.shows('of shop in the main log');
    },
  );

  await scope.test(
    'the search for a pool ends 16 MiB before the end of a file, and that is reported',
    async () => {
      const line = `${output(9500, 'www', 'x'.repeat(1000))}\n`;
      writeFileSync(
        main,
        `${output(1, 'shop', 'long ago')}\n${line.repeat(SEARCH_MAX_BYTES / line.length + 1)}`,
      );
      const { code, stdout, stderr } = await logs('shop');
      assert.equal(code, 0);
      assert.doesNotMatch(stdout, /long ago/);
      assert.match(stderr, /^fpm-ts: only the last 16 MiB of \S+main\.log were searched$/m);
      assert.equal((await logs('www', '-n', '1')).stderr, '', 'enough was found');
    },
  );

  await scope.test('what is not a regular file is not read', async () => {
    writeFileSync(place.config, `run_dir = "${scope.dir}/run"\nlog.file = "/dev/null"\n`);
    const { code, stderr } = await logs('www');
    assert.equal(code, 1);
    assert.match(stderr, /log\.file is \/dev\/null, which is not a regular file/);
  });
});

suite('integration/logs-daemon', {}, async scope => {
  const place = site(scope, 'stderr');
  const { dir } = scope;
  const watch = watchProcesses();
  const pidFile = join(dir, 'run/fpm-ts.pid');
  scope.defer(async () => {
    await place.cli('stop', '--now');
    await assertNothingLeft(watch, dir);
  });

  await scope.test('log.file is "stderr" and nothing runs: the journalctl line of the service', async () => {
    const { code, stdout, stderr } = await place.logs('www');
    assert.deepEqual([code, stdout], [1, '']);
    assert.match(
      stderr,
      /fpm-ts does not run.*`journalctl -u fpm-ts -o cat \| grep '"pool":"www"' \| tail -n 100`/,
    );
  });

  await scope.test('start --daemonize: RUN_DIR/fpm-ts.log, and followed over reopen-logs', async () => {
    assert.equal((await place.cli('start', '--daemonize')).code, 0);
    if (existsSync(pidFile)) watch.look([Number(readFileSync(pidFile, 'utf8'))]);
    assert.match((await place.logs('www')).stdout, /stdout: hello$/m);
    assert.match((await place.logs('shop')).stdout, /stdout: hello$/m);
    const follow = following(scope, place);
    await follow.shows('every pool is ready');
    const log = join(dir, 'run/fpm-ts.log');
    renameSync(log, `${log}.1`);
    assert.equal((await place.cli('reopen-logs')).code, 0);
    await follow.shows('logs reopened');
  });

  await scope.test('after the stop the file is still shown', async () => {
    assert.equal((await place.cli('stop')).code, 0);
    assert.match((await place.logs()).stdout, /stopped$/m);
  });
});
