/**
 * Every command of the control socket, as every kind of caller: generated from the table of commands, so that one that
 * is added later is covered. What is allowed is asked with an argument that no command has: 400, and nothing happens.
 */
import assert from 'node:assert/strict';
import { COMMANDS, type CommandName, commandNamed } from '../../src/commands/commands.ts';
import { pathOf } from '../../src/keeper/supervision/command-rule.ts';
import { type CurlAnswer, curl } from '../lib/curl.ts';
import { startDaemon } from '../lib/daemon.ts';
import { scriptPool } from '../lib/pools.ts';
import type { ErrorBody } from '../lib/status.ts';
import { suite } from '../lib/suite.ts';

const as = (user: string, group: string, ...groups: string[]): string[] => [
  'setpriv',
  `--reuid=${user}`,
  `--regid=${group}`,
  groups.length === 0 ? '--clear-groups' : `--groups=${groups.join(',')}`,
];

const CALLERS = {
  root: [],
  'a member of control.group': as('nobody', 'nogroup', 'games'),
  "a pool's user": as('www-data', 'www-data'),
  "another pool's user": as('daemon', 'daemon'),
  "a member of the pool's group": as('nobody', 'nogroup', 'www-data'),
  'a stranger': as('nobody', 'nogroup'),
} as const;
type CallerName = keyof typeof CALLERS;

/** Names that an object has without anybody having set them, paths, and no name at all. */
const ODD_NAMES = [
  '__proto__',
  'constructor',
  'hasOwnProperty',
  'own/../other',
  'own\0',
  'OWN',
  'own ',
  '',
  '*',
];

suite('root/control-authorization', { root: true, needs: ['setpriv', 'curl'] }, async scope => {
  const pool = (user: string): string => scriptPool('exec sleep 1000', { user });
  const daemon = await startDaemon(scope, {
    pools: { own: pool('www-data'), other: pool('daemon') },
    config: 'control.group = "games"',
  });

  function ask(
    caller: CallerName,
    name: CommandName,
    args: Readonly<Record<string, unknown>>,
  ): Promise<CurlAnswer> {
    const { method } = commandNamed(name);
    const path = pathOf({ name });
    const query = new URLSearchParams(
      Object.entries(args).map(([key, value]) => [key, String(value)] as [string, string]),
    );
    const body = [
      '--request',
      method,
      '--data',
      JSON.stringify(args),
      '--header',
      'content-type: application/json',
    ];
    const as = CALLERS[caller];
    return method === 'GET'
      ? curl(daemon.controlSocket, `${path}?${query.toString()}`, [], { as })
      : curl(daemon.controlSocket, path, body, { as });
  }

  async function assertRefused(...[caller, name, args]: Parameters<typeof ask>): Promise<void> {
    const answer = await ask(caller, name, args);
    const what = `${name} ${JSON.stringify(args)}: ${answer.status} ${answer.body}`;
    assert.equal(answer.status, 403, what);
    assert.equal((answer.json() as ErrorBody).error.code, 'NOT_ALLOWED', what);
  }

  /** The two ways in which commands name pools; one that a command does not have is no argument of it. */
  const named = (command: CommandName, pools: readonly string[]): Readonly<Record<string, unknown>> =>
    commandNamed(command).method === 'GET' ? { pool: pools[0] } : { pools };

  for (const { name } of COMMANDS) {
    await scope.test(`${name}: root and members of control.group may use it`, async () => {
      for (const caller of ['root', 'a member of control.group'] as const)
        assert.equal((await ask(caller, name, { 'no-such-argument': 1 })).status, 400, caller);
    });

    await scope.test(`${name}: a stranger is refused, whatever the arguments`, async () => {
      for (const caller of ['a stranger', "a member of the pool's group"] as const)
        for (const args of [{}, named(name, ['own']), named(name, ['none']), { 'no-such-argument': 1 }])
          await assertRefused(caller, name, args);
    });

    if (commandNamed(name).isForPoolUsers) {
      await scope.test(`${name}: a pool's user may use it for that pool, and for no other`, async () => {
        assert.equal((await ask("a pool's user", name, named(name, ['own']))).status, 200);
        for (const args of [named(name, ['other']), named(name, ['other', 'own']), named(name, ['none'])])
          await assertRefused("a pool's user", name, args);
        if (commandNamed(name).method === 'POST')
          await assertRefused("a pool's user", name, named(name, ['own', 'other']));
        await assertRefused("another pool's user", name, named(name, ['own']));
      });

      await scope.test(`${name}: no name, and no spelling of one, passes for another`, async () => {
        for (const args of [{}, ...ODD_NAMES.map(odd => named(name, [odd]))]) {
          const { status, body } = await ask("a pool's user", name, args);
          assert.ok([400, 403].includes(status), `${JSON.stringify(args)}: ${status} ${body}`);
        }
      });
    } else {
      await scope.test(`${name}: a pool's user is refused, also for that pool`, async () => {
        for (const args of [{}, named(name, ['own']), { pool: 'own' }, { 'no-such-argument': 1 }])
          await assertRefused("a pool's user", name, args);
      });
    }
  }

  await scope.test("status of several pools: only where all are the caller's", async () => {
    const path = '/v1/status?pool=own&pool=other';
    const of = (caller: CallerName): Promise<CurlAnswer> =>
      curl(daemon.controlSocket, path, [], { as: CALLERS[caller] });
    assert.equal((await of("a pool's user")).status, 403);
    assert.equal((await of("another pool's user")).status, 403);
    const { pools } = (await of('root')).json() as Awaited<ReturnType<typeof daemon.status>>;
    assert.deepEqual(
      pools.map(({ name }) => name),
      ['own', 'other'],
    );
  });

  await scope.test('nothing of it had an effect but the reload of the own pool', async () => {
    const { pools } = await daemon.status();
    assert.deepEqual(
      pools.map(({ name, state, counters }) => [name, state, counters.reloads]),
      [
        ['other', 'running', 0],
        ['own', 'running', 1],
      ],
    );
  });
});
