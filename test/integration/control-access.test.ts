/** Who may use the control socket: the kernel says who calls, and control.group and the pools' users who may what. */
import assert from 'node:assert/strict';
import { type CommandResult, runCommand } from '../lib/command.ts';
import { curl } from '../lib/curl.ts';
import { startDaemon } from '../lib/daemon.ts';
import { install } from '../lib/installed.ts';
import { helloPools } from '../lib/pools.ts';
import type { ErrorBody, Status } from '../lib/status.ts';
import { suite } from '../lib/suite.ts';

const NEEDS = ['gcc', 'libfcgi', 'curl', 'setpriv'] as const;

/** In a command's place: becomes that user and group, with no other groups than `groups`. */
function as(user: string, group: string, groups?: string): string[] {
  const others = groups === undefined ? '--clear-groups' : `--groups=${groups}`;
  return ['setpriv', `--reuid=${user}`, `--regid=${group}`, others];
}

const OWNER = as('www-data', 'www-data');
const STRANGER = as('nobody', 'nogroup');
const MEMBER = as('nobody', 'nogroup', 'games');
const PRIMARY_MEMBER = as('nobody', 'games');

suite('integration/control-access', { needs: NEEDS, root: true }, async scope => {
  const hello = await helloPools(scope);
  const { node, main } = install(scope);
  const daemon = await startDaemon(scope, {
    pools: { own: hello('own'), other: hello('other', { user: 'daemon' }) },
    config: 'control.group = "games"',
  });

  async function cli(who: readonly string[], ...args: string[]): Promise<CommandResult> {
    return await runCommand('env', [...who, node, main, '-c', daemon.configFile, '--json', ...args]);
  }

  async function assertAllowed(who: readonly string[], ...args: string[]): Promise<CommandResult> {
    const result = await cli(who, ...args);
    assert.equal(result.code, 0, `${args.join(' ')}: ${result.stdout}${result.stderr}`);
    return result;
  }

  async function assertRefused(message: RegExp, who: readonly string[], ...args: string[]): Promise<void> {
    const result = await cli(who, ...args);
    assert.equal(result.code, 77, `${args.join(' ')}: ${result.stdout}${result.stderr}`);
    const { error } = JSON.parse(result.stdout) as ErrorBody;
    assert.equal(error.code, 'NOT_ALLOWED');
    assert.match(error.message, message);
  }

  await scope.test("a pool's user may status and reload that pool, and sees no other", async () => {
    const { stdout } = await assertAllowed(OWNER, 'status', 'own');
    assert.deepEqual(
      (JSON.parse(stdout) as Status).pools.map(({ name }) => name),
      ['own'],
    );
    await assertAllowed(OWNER, 'reload', 'own');
    const { pools } = await daemon.status();
    assert.deepEqual(
      pools.map(({ name, counters }) => [name, counters.reloads]),
      [
        ['other', 0],
        ['own', 1],
      ],
    );
  });

  await scope.test("a pool's user may do nothing else, and the refusal says what it may", async () => {
    const calls = [
      ['status'],
      ['status', 'other'],
      ['reload'],
      ['reload', 'other'],
      ['reload', 'own', 'other'],
      ['reload', '--dry-run'],
      ['stop'],
      ['stop', 'own'],
      ['start', 'own'],
      ['scale', '--force', 'own', '5'],
      ['reopen-logs'],
    ];
    for (const call of calls) await assertRefused(/reload, status and explain for own/, OWNER, ...call);
    const { pools } = await daemon.status();
    assert.deepEqual(
      pools.map(({ state, counters }) => [state, counters.spawned, counters.reloads]),
      [
        ['running', 2, 0],
        ['running', 4, 1],
      ],
    );
  });

  await scope.test('a stranger may nothing, not even learn which pools there are', async () => {
    for (const call of [
      ['status'],
      ['status', 'own'],
      ['status', 'no-such-pool'],
      ['reload', 'no-such-pool'],
      ['stop'],
    ]) {
      await assertRefused(/uid \d+ may not/, STRANGER, ...call);
    }
  });

  await scope.test('a member of control.group may everything, whichever of its groups that is', async () => {
    for (const who of [MEMBER, PRIMARY_MEMBER]) {
      assert.equal((JSON.parse((await assertAllowed(who, 'status')).stdout) as Status).pools.length, 2);
      await assertAllowed(who, 'scale', '--force', 'own', '2');
      await assertAllowed(who, 'reopen-logs');
      await assertAllowed(who, 'stop', 'own');
      await assertAllowed(who, 'start', 'own');
    }
  });

  await scope.test('over HTTP a refusal is 403', async () => {
    const answer = await curl(daemon.controlSocket, '/v1/status', [], { as: STRANGER });
    assert.equal(answer.status, 403);
    assert.equal((answer.json() as ErrorBody).error.code, 'NOT_ALLOWED');
    const own = await curl(daemon.controlSocket, '/v1/status?pool=own', [], { as: OWNER });
    assert.equal(own.status, 200);
  });

  await scope.test('a member may stop it all, and learns when it is gone', async () => {
    assert.deepEqual(JSON.parse((await assertAllowed(MEMBER, 'stop')).stdout), {
      pid: daemon.pid,
      stopped: ['other', 'own'],
    });
    assert.deepEqual(await daemon.exited, { code: 0, signal: null });
  });
});
