/**
 * `npm test [-- FILTER...]`: runs the test files whose path contains one of the filters, or all.
 *
 * A suite whose programs are missing is skipped by name with the apt line that brings them.
 * FPM_TS_TEST_INSTALL=1 (as root) installs them first; then, as with CI=true, anything skipped is a failure.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join, relative } from 'node:path';
import { CACHE_VARIABLE } from './lib/compile.ts';
import { installMissing } from './lib/install.ts';
import { MAIN, REPOSITORY } from './lib/paths.ts';
import { TEMPORARY } from './lib/place.ts';
import { mayNotSkip } from './lib/suite.ts';

const FOLDERS = ['unit', 'protocol', 'integration', 'contract', 'chaos', 'root'];

/** Two cores are what the smallest machine has that anybody runs this on. */
const CONCURRENT_FILES = 2;

function testFiles(filters: readonly string[]): string[] {
  const all = FOLDERS.map(folder => join(REPOSITORY, 'test', folder))
    .filter(folder => existsSync(folder))
    .flatMap(folder =>
      readdirSync(folder, { recursive: true, encoding: 'utf8' }).map(name => join(folder, name)),
    )
    .filter(file => file.endsWith('.test.ts'))
    .map(file => relative(REPOSITORY, file))
    .sort();
  return filters.length === 0 ? all : all.filter(file => filters.some(filter => file.includes(filter)));
}

/** "name # SKIP reason" of each skipped test in TAP version 13. */
function skippedIn(tap: string): string[] {
  return [...tap.matchAll(/^\s*ok \d+ - (.* # SKIP.*)$/gm)].map(match => match[1] ?? '');
}

async function runFiles(files: readonly string[], temporary: string): Promise<number> {
  // For people on stdout; and for us, to see what was skipped.
  const tap = join(temporary, 'results.tap');
  const reporters = [
    '--test-reporter=spec',
    '--test-reporter-destination=stdout',
    '--test-reporter=tap',
    `--test-reporter-destination=${tap}`,
  ];
  const child = spawn(
    process.execPath,
    ['--import', 'tsx', '--test', `--test-concurrency=${CONCURRENT_FILES}`, ...reporters, ...files],
    { cwd: REPOSITORY, stdio: 'inherit', env: { ...process.env, [CACHE_VARIABLE]: temporary } },
  );
  // Ctrl-C reaches the whole process group: stay until the tests have cleaned up. TERM is ours to pass on.
  process.on('SIGINT', () => {});
  process.on('SIGTERM', () => child.kill('SIGTERM'));
  const [code] = (await once(child, 'exit')) as [number | null];
  const skipped = skippedIn(readFileSync(tap, 'utf8'));
  if (skipped.length > 0 && mayNotSkip()) {
    console.error(`these may not be skipped here:\n${skipped.join('\n')}`);
    return 1;
  }
  return code ?? 1;
}

async function main(): Promise<number> {
  const files = testFiles(process.argv.slice(2));
  if (files.length === 0) {
    console.error('no test file matches');
    return 64;
  }
  if (!existsSync(MAIN) && files.some(file => !/^test\/(unit|protocol)\//.test(file))) {
    console.error('dist/main.js is missing: run `npm run build`, or `npm test`, which does');
    return 1;
  }
  if (process.env.FPM_TS_TEST_INSTALL === '1') {
    const problem = installMissing();
    if (problem !== undefined) {
      console.error(problem);
      return 1;
    }
  }
  const temporary = mkdtempSync(join(TEMPORARY, 'fpm-ts-test-run-'));
  // Compiled fixtures lie here, which workers of another user execute.
  chmodSync(temporary, 0o755);
  try {
    return await runFiles(files, temporary);
  } finally {
    rmSync(temporary, { recursive: true, force: true });
  }
}

process.exitCode = await main();
