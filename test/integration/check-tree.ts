/** A configuration in a directory of its own, and what the system says to it. */
import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { TestContext } from 'node:test';
import { type CheckOptions, checkSystem, type SystemCheck } from '../../src/config/check/check.ts';
import { loadConfig } from '../../src/config/load.ts';
import { formatProblem, type Problem, sortProblems } from '../../src/config/problems.ts';
import { TEMPORARY } from '../lib/place.ts';
import { IS_ROOT } from '../lib/suite.ts';

export interface CheckTree {
  readonly dir: string;
  /** Checks pool files by name; `main` is the text of fpm-ts.toml. */
  check(
    pools: Readonly<Record<string, string>>,
    main?: string,
    options?: Partial<CheckOptions>,
  ): Promise<SystemCheck>;
  /** Writes a file under the directory and what leads to it. @returns its path */
  write(name: string, text: string, mode?: number): string;
}

export function checkTree(t: TestContext): CheckTree {
  const dir = mkdtempSync(join(TEMPORARY, 'fpm-ts-check-'));
  chmodSync(dir, 0o755);
  t.after(() => rmSync(dir, { recursive: true, force: true }));
  const write = (name: string, text: string, mode = 0o644): string => {
    const path = join(dir, name);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text);
    chmodSync(path, mode);
    return path;
  };
  return {
    dir,
    write,
    check: async (pools, main = '', options = {}) => {
      rmSync(join(dir, 'pools.d'), { recursive: true, force: true });
      const file = write('fpm-ts.toml', main.includes('run_dir') ? main : `run_dir = "${dir}/run"\n${main}`);
      for (const [name, text] of Object.entries(pools)) write(`pools.d/${name}.toml`, text);
      const uid = options.self?.uid ?? process.geteuid?.() ?? 0;
      const { config, problems, sources } = loadConfig({ file, env: {}, uid });
      assert.ok(config !== null, problems.map(formatProblem).join('\n'));
      const checked = await checkSystem(config, sources, { ownAddresses: new Set(), env: {}, ...options });
      const ofPools = [...checked.obstacles.values()].flat();
      return { ...checked, problems: sortProblems([...checked.problems, ...ofPools]) };
    },
  };
}

/**
 * A pool that every system has: it runs as whoever runs the tests. What is passed replaces its lines, by key.
 * The keys stand one a line: command, listen.address, pm.mode, pm.max_children, then what is more.
 */
export function pool(
  keys: Readonly<Record<string, string | number | boolean | readonly string[]>> = {},
): string {
  const all = {
    command: ['/bin/cat'],
    'listen.address': 'none',
    'pm.mode': 'static',
    'pm.max_children': 1,
    ...(IS_ROOT && keys.user === undefined ? { allow_root: true } : {}),
    ...keys,
  };
  return Object.entries(all)
    .map(([key, value]) => `${key} = ${JSON.stringify(value)}\n`)
    .join('');
}

/** Where a finding must be, and what it says. */
export interface Expected {
  readonly key: string;
  readonly message: RegExp;
  readonly severity?: Problem['severity'];
  /** The file's name without its directory; www.toml when left out. */
  readonly file?: string;
}

/** The check found this and nothing else: at the line that says the key, with a remedy. */
export function assertFound(tree: CheckTree, result: SystemCheck, ...expected: readonly Expected[]): void {
  const text = result.problems.map(formatProblem).join('\n') || '(nothing was found)';
  assert.equal(result.problems.length, expected.length, text);
  for (const [index, { key, message, severity = 'error', file = 'pools.d/www.toml' }] of expected.entries()) {
    const found = result.problems[index];
    assert.ok(found !== undefined);
    assert.equal(found.key, key, text);
    assert.match(found.message, message);
    assert.equal(found.severity, severity, text);
    assert.equal(found.code, 'CONFIG_SYSTEM');
    assert.equal(found.file, join(tree.dir, file));
    assert.ok((found.line ?? 0) >= 1 && found.column === 1, text);
    assert.ok((found.remedy ?? '') !== '', text);
  }
}

export function assertNothingFound(result: SystemCheck): void {
  assert.deepEqual(result.problems.map(formatProblem), []);
}
