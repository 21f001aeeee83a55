/** Arguments and environment that execve(2) refuses: the check says so before, and the kernel is the judge. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { argumentsMax } from '../../src/config/check/arguments.ts';
import { readSystemLimits } from '../../src/config/check/limits.ts';
import { assertFound, assertNothingFound, checkTree, pool } from './check-tree.ts';

/** E2BIG, or not. */
function isTooLong(argument: string, env: NodeJS.ProcessEnv = {}): boolean {
  const { error } = spawnSync('/bin/true', [argument], { env });
  assert.match(error?.message ?? 'E2BIG', /E2BIG/);
  return error !== undefined;
}

void test('one argument, one variable: 128 KiB with the zero byte', async t => {
  const tree = checkTree(t);
  const found = (key: string, message: RegExp) => ({ key, message });
  for (const [length, isLong] of [
    [131_071, false],
    [131_072, true],
  ] as const) {
    const text = 'x'.repeat(length);
    const variable = 'x'.repeat(length - 'A='.length);
    assert.deepEqual([isTooLong(text), isTooLong('', { A: variable })], [isLong, isLong]);
    const argument = await tree.check({ www: pool({ command: ['/bin/cat', text] }) });
    const set = await tree.check({ www: pool({ 'env.A': variable }) });
    const passed = await tree.check({ www: pool({ pass_env: ['A'] }) }, '', { env: { A: variable } });
    tree.write('secrets', `# a line before it\nA=${variable}\n`);
    const secret = await tree.check({ www: pool({ env_files: [`${tree.dir}/secrets`] }) });
    if (!isLong) for (const result of [argument, set, passed, secret]) assertNothingFound(result);
    else {
      const [item] = argument.problems; // its place is the item of the list, not the key
      assert.deepEqual([item?.key, item?.line, item?.column], ['command', 1, 23]);
      assert.match(
        item?.message ?? '',
        /^argument 1 is 131073 bytes long, and Linux takes no more than 131072 bytes$/,
      );
      assertFound(tree, set, found('env', /^the variable A is 131073 bytes long/));
      assertFound(tree, passed, found('pass_env', /^the variable A is 131073 bytes long/));
      const message = /^the variable A is 131073 bytes long.* \(env_files, .*\/www\.toml:6\)$/;
      assertFound(tree, secret, { ...found('env_files', message), file: 'secrets' });
      assert.equal(secret.problems[0]?.line, 2);
    }
  }
});

void test('all together: a quarter of the stack', async t => {
  const tree = checkTree(t);
  const { argumentsMax: max } = readSystemLimits();
  const variables = (bytes: number): Record<string, string> =>
    Object.fromEntries(
      Array.from({ length: Math.floor(bytes / 100_000) }, (_, at) => [`V${at}`, 'x'.repeat(99_988)]),
    );
  const check = (env: Record<string, string>) =>
    tree.check({ www: pool(Object.fromEntries(Object.entries(env).map(([k, v]) => [`env.${k}`, v]))) });
  const fits = variables(max - 100_000);
  assert.equal(isTooLong('', fits), false);
  assertNothingFound(await check(fits));
  const tooMuch = variables(max + 200_000);
  assert.equal(isTooLong('', tooMuch), true);
  const message =
    /^arguments and environment are \d+ bytes together, and the system takes no more than \d+ bytes$/;
  assertFound(tree, await check(tooMuch), { key: 'command', message });
});

void test('the limit follows the stack between 128 KiB and 6 MiB', () => {
  assert.equal(argumentsMax(8 * 2 ** 20), 2 * 2 ** 20);
  assert.equal(argumentsMax(4096), 128 * 1024);
  assert.equal(argumentsMax(Number.POSITIVE_INFINITY), 6 * 2 ** 20);
});
