/** What a pool's user reads of the control socket: what concerns that pool, and nothing of the others'. */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import * as z from 'zod';
import { status as statusCommand } from '../../src/commands/status.ts';
import { type CurlAnswer, curl } from '../lib/curl.ts';
import { startDaemon } from '../lib/daemon.ts';
import { FIXTURES } from '../lib/paths.ts';
import { helloPools } from '../lib/pools.ts';
import type { ErrorBody } from '../lib/status.ts';
import { suite } from '../lib/suite.ts';

const NEEDS = ['gcc', 'libfcgi', 'curl', 'setpriv'] as const;
const OWNER = ['setpriv', '--reuid=www-data', '--regid=www-data', '--clear-groups'];
/** Of the other tenant: none of it may be read. */
const OTHERS = /rival|secret|fpm-ts\.toml|fpm-ts\.log|games/;
const NEUTRAL = /there are errors that do not concern your pools/;

interface Shown {
  readonly last_reload: { readonly ok: boolean; readonly message: string };
  readonly config_changed_on_disk: boolean;
}

suite('root/control-disclosure', { root: true, needs: NEEDS }, async scope => {
  const hello = await helloPools(scope);
  const doom = join(scope.dir, 'doom.json');
  writeFileSync(doom, '{}');
  const daemon = await startDaemon(scope, {
    pools: { own: hello('own'), rival: hello('rival', { user: 'daemon' }) },
    config: 'control.group = "games"',
    program: [process.execPath, join(FIXTURES, 'node', 'failing-main.mjs')],
    env: { FPM_TS_DOOM: doom },
    expectedLog: [/reload failed|did not come up|code 3|supervisor/],
  });
  const socket = daemon.controlSocket;
  const write = (pool: string, keys: Parameters<typeof hello>[1] = {}): void => {
    const text = hello(pool, pool === 'rival' ? { user: 'daemon', ...keys } : keys);
    writeFileSync(join(daemon.poolsDir, `${pool}.toml`), text);
  };
  const ask = (path: string, ...args: string[]): Promise<CurlAnswer> =>
    curl(socket, path, args, { as: OWNER });
  const reload = (body: string): Promise<CurlAnswer> => ask('/v1/reload', '--data', body);

  /** As the pool's user. */
  async function shown(): Promise<Shown> {
    const answer = await ask('/v1/status?pool=own');
    assert.equal(answer.status, 200, answer.body);
    assert.doesNotMatch(answer.body, OTHERS);
    statusCommand.result(z).parse(answer.json());
    return answer.json() as Shown;
  }

  await scope.test(
    "what only fpm-ts's administrator sets is not in the status of a pool's user",
    async () => {
      await shown();
      const all = await daemon.status();
      assert.notEqual(JSON.stringify(all).match(OTHERS), null, 'root reads it all');
    },
  );

  await scope.test("another's mistake: the user learns that there is one, root reads which", async () => {
    write('rival', { command: ['/home/secret/app'] });
    assert.equal((await daemon.cli('reload', 'rival')).code, 1);
    const { last_reload } = await shown();
    assert.equal(last_reload.ok, false);
    assert.match(last_reload.message, NEUTRAL);
    assert.match((await daemon.status()).last_reload?.message ?? '', /\/home\/secret\/app/);
    for (const body of [
      '{"pools":["own"]}',
      '{"pools":["own"],"dry_run":true}',
      '{"pools":["own"],"changed":true}',
    ])
      assert.doesNotMatch((await reload(body)).body, OTHERS);
    for (const pool of ['', '?pool=rival', '?pool=__proto__']) {
      const refused = await ask(`/v1/status${pool}`);
      assert.equal(refused.status, 403);
      assert.doesNotMatch(refused.body, /secret|daemon/);
    }
    write('rival');
  });

  await scope.test(
    'a file of another that refuses every reload: the user learns that there is one',
    async () => {
      write('rival', { home_secret: 1 });
      assert.equal((await daemon.cli('reload', 'rival')).code, 78);
      assert.match((await shown()).last_reload.message, NEUTRAL);
      const refused = await reload('{"pools":["own"]}');
      assert.notEqual(refused.status, 200);
      assert.doesNotMatch(refused.body, OTHERS);
      write('rival');
    },
  );

  await scope.test('his own mistake he reads, with its place', async () => {
    write('own', { command: ['/home/mine/app'] });
    const { error } = (await reload('{"pools":["own"]}')).json() as ErrorBody;
    assert.match(error.message, /own\.toml:.*\/home\/mine\/app/);
    assert.doesNotMatch(error.message, OTHERS);
    assert.match((await shown()).last_reload.message, /\/home\/mine\/app/);
    write('own');
  });

  await scope.test('two pools do not come up: each user reads of one', async () => {
    write('own', { command: ['/bin/sh', '-c', 'echo mine >&2; exit 3'] });
    write('rival', { command: ['/bin/sh', '-c', 'echo secret >&2; exit 3'] });
    assert.equal((await daemon.cli('reload')).code, 1);
    const { last_reload } = await shown();
    assert.match(last_reload.message, /^pool own: .*\n/);
    assert.match(last_reload.message, NEUTRAL);
    assert.match((await daemon.status()).last_reload?.message ?? '', /pool rival: worker/);
    const { error } = (await reload('{"pools":["own"]}')).json() as ErrorBody;
    assert.match(error.message, /^pool own: /);
    assert.doesNotMatch(error.message, OTHERS);
    write('own');
    write('rival');
    assert.equal((await daemon.cli('reload')).code, 0);
  });

  await scope.test('whether the files changed is told of his own', async () => {
    write('rival', { 'pm.max_children': 3 });
    assert.equal((await shown()).config_changed_on_disk, false);
    assert.equal((await daemon.status()).config_changed_on_disk, true);
    write('own', { 'pm.max_children': 3 });
    assert.equal((await shown()).config_changed_on_disk, true);
    assert.equal((await daemon.cli('reload')).code, 0);
  });

  await scope.test('nor does the keeper tell, while there is no supervisor', async () => {
    write('rival', { command: ['/home/secret/app'] });
    assert.equal((await daemon.cli('reload', 'rival')).code, 1);
    write('rival', { 'pm.max_children': 3 });
    writeFileSync(doom, JSON.stringify({ code: 7 }));
    process.kill((await daemon.status()).supervisor_pid, 'SIGKILL');
    const all = await daemon.statusWhen('the keeper to answer', it => it.state === 'degraded');
    assert.match(all.last_reload?.message ?? '', /secret/);
    assert.match((await shown()).last_reload.message, NEUTRAL);
  });
});
