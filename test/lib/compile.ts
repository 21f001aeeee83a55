/**
 * C fixtures, compiled once in a test run: `run.ts` names a cache for all files and removes it; a file that is
 * run alone has its own until the process exits.
 */
import { createHash } from 'node:crypto';
import { chmodSync, existsSync, mkdtempSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { runCommand } from './command.ts';
import { FIXTURES } from './paths.ts';
import { TEMPORARY } from './place.ts';

/** Names the directory that the test files of one run share. */
export const CACHE_VARIABLE = 'FPM_TS_TEST_CACHE';

let own: string | undefined;

function cacheDirectory(): string {
  const shared = process.env[CACHE_VARIABLE];
  if (shared !== undefined) return shared;
  if (own === undefined) {
    const made = mkdtempSync(join(TEMPORARY, 'fpm-ts-test-cache-'));
    own = made;
    // Workers that run as another user must reach the program.
    chmodSync(made, 0o755);
    process.once('exit', () => rmSync(made, { recursive: true, force: true }));
  }
  return own;
}

/** The program of `test/fixtures/c/NAME.c`; `flags` follow the source, as libraries must. */
export async function compileFixture(name: string, flags: readonly string[] = ['-lfcgi']): Promise<string> {
  const source = join(FIXTURES, 'c', `${name}.c`);
  const key = createHash('sha256').update(readFileSync(source)).update(flags.join('\0')).digest('hex');
  const program = join(cacheDirectory(), `${name}-${key.slice(0, 12)}`);
  if (existsSync(program)) return program;
  // Two test files may compile the same fixture at once: the rename makes the last one win, whole.
  const unfinished = `${program}.${process.pid}`;
  const result = await runCommand('gcc', ['-O1', '-Wall', '-o', unfinished, source, ...flags]);
  if (result.code !== 0) throw new Error(`gcc ${name}.c: ${result.stderr}`);
  chmodSync(unfinished, 0o755);
  renameSync(unfinished, program);
  return program;
}
