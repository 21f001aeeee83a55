/** A configuration in a temporary directory, removed after the test, and what loading it says. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { TestContext } from 'node:test';
import { type LoadResult, loadConfig } from '../../../src/config/load.ts';
import { formatProblem, sortProblems } from '../../../src/config/problems.ts';
import type { PoolConfig } from '../../../src/config/types.ts';

export interface Tree {
  readonly directory: string;
  load(options?: { env?: Record<string, string>; uid?: number }): LoadResult;
}

/** A pool that is right in every way; tests add the one line that is not. */
export const GOOD_POOL = `command = ["/bin/worker"]
user = "www-data"
listen.address = "/run/x.sock"
pm.mode = "static"
pm.max_children = 2
`;

export function writeTree(t: TestContext, files: Readonly<Record<string, string>>): Tree {
  const directory = mkdtempSync(join(tmpdir(), 'fpm-ts-config-'));
  t.after(() => rmSync(directory, { recursive: true, force: true }));
  for (const [name, text] of Object.entries({ 'fpm-ts.toml': '', ...files })) {
    mkdirSync(dirname(join(directory, name)), { recursive: true });
    writeFileSync(join(directory, name), text);
  }
  return {
    directory,
    load: ({ env = {}, uid = 0 } = {}) =>
      loadConfig({ file: join(directory, 'fpm-ts.toml'), env, uid, node: '/opt/node' }),
  };
}

/** All problems as they are printed, with the directories left out. */
export function said(tree: Tree, result: LoadResult): string {
  const all = [...result.problems, ...[...result.obstacles.values()].flat()];
  const text = sortProblems(all).map(formatProblem).join('\n');
  return text.replaceAll(`${tree.directory}/pools.d/`, '').replaceAll(`${tree.directory}/`, '');
}

/** The one pool of a configuration that has no errors. */
export function onlyPool(result: LoadResult): PoolConfig {
  const [pool, ...others] = result.config?.pools ?? [];
  if (!pool || others.length > 0) {
    throw new Error(`not one pool: ${result.problems.map(formatProblem).join('\n')}`);
  }
  return pool;
}
