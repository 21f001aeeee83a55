/**
 * A suite is one node:test test that owns what it starts: a temporary directory, servers, processes. What it
 * defers is undone in reverse order, whether it passed or not, and a teardown that fails fails the suite. A
 * suite whose needs are missing is skipped by name with the remedy, or fails where nothing may be skipped.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { chmod } from 'node:fs/promises';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { aptLine, missingPrograms, type Program } from './needs.ts';

export interface SuiteNeeds {
  readonly needs?: readonly Program[];
  /** Skipped for ordinary users. */
  readonly root?: boolean;
  /** After it the suite is cancelled and torn down. */
  readonly timeoutMs?: number;
}

export interface Scope {
  /** The suite's own temporary directory, which every user may enter; kept when the suite fails. */
  readonly dir: string;
  /** Aborted when the suite times out. */
  readonly signal: AbortSignal;
  /** Undoes something at the end; last in, first out. */
  defer(undo: () => void | Promise<void>): void;
  /** A named step; the following ones run even when it fails. */
  test(name: string, step: (t: TestContext) => void | Promise<void>): Promise<void>;
  diagnostic(message: string): void;
}

/** FPM_TS_TEST_INSTALL=1 has installed everything, and a CI machine must have it. */
export function mayNotSkip(): boolean {
  return process.env.FPM_TS_TEST_INSTALL === '1' || process.env.CI === 'true';
}

export const IS_ROOT: boolean = process.getuid?.() === 0;

/** Not os.tmpdir(): pam_tmpdir points that into a directory which no other user can enter. */
export const TEMPORARY = '/tmp';

function obstacle(options: SuiteNeeds): { reason: string; fatal: boolean } | undefined {
  const missing = missingPrograms(options.needs ?? []);
  if (missing.length > 0) return { reason: aptLine(missing), fatal: mayNotSkip() };
  if (options.root === true && !IS_ROOT) {
    return { reason: 'needs root: sudo npm test', fatal: process.env.FPM_TS_TEST_INSTALL === '1' };
  }
  return undefined;
}

/** Registers a suite. `name` is its folder and subject, as in "contract/nginx-php". */
export function suite(name: string, options: SuiteNeeds, body: (scope: Scope) => Promise<void>): void {
  const stopped = obstacle(options);
  if (stopped?.fatal === true) {
    void test(name, () => {
      throw new Error(`may not be skipped here, but ${stopped.reason}`);
    });
  } else if (stopped !== undefined) {
    void test(name, { skip: stopped.reason }, () => {});
  } else {
    void test(name, { timeout: options.timeoutMs ?? 120_000 }, t => runSuite(t, body));
  }
}

async function runSuite(t: TestContext, body: (scope: Scope) => Promise<void>): Promise<void> {
  const undo: (() => void | Promise<void>)[] = [];
  let failed = false;
  const dir = mkdtempSync(join(TEMPORARY, 'fpm-ts-test-'));
  await chmod(dir, 0o755);
  t.after(async () => {
    // A timeout leaves `failed` unset: the body is still waiting then.
    failed ||= t.signal.aborted;
    const errors: unknown[] = [];
    for (const step of undo.reverse()) {
      try {
        await step();
      } catch (error) {
        errors.push(error);
      }
    }
    if (failed || errors.length > 0) t.diagnostic(`kept for a look: ${dir}`);
    else rmSync(dir, { recursive: true, force: true });
    if (errors.length === 1) throw errors[0];
    if (errors.length > 1) throw new AggregateError(errors, errors.map(String).join('\n'));
  });
  const watched = async (run: () => void | Promise<void>): Promise<void> => {
    try {
      await run();
    } catch (error) {
      failed = true;
      throw error;
    }
  };
  await watched(() =>
    body({
      dir,
      signal: t.signal,
      defer: step => undo.push(step),
      test: (name, step) => t.test(name, inner => watched(() => step(inner))),
      diagnostic: message => t.diagnostic(message),
    }),
  );
}
