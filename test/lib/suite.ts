/**
 * A suite is one node:test test that owns what it starts: a temporary directory, servers, processes. What it
 * defers is undone in reverse order, whether it passed or not, and a teardown that fails fails the suite. A
 * suite whose needs are missing is skipped by name with the remedy, or fails where nothing may be skipped.
 */
import { type TestContext, test } from 'node:test';
import { aptLine, missingPrograms, type Program } from './needs.ts';
import { openPlace, type Place } from './place.ts';

export interface SuiteNeeds {
  readonly needs?: readonly Program[];
  /** Skipped for ordinary users. */
  readonly root?: boolean;
  /** Why this machine cannot run it, whatever is installed; undefined: it can. */
  readonly obstacle?: string | undefined;
  /** After it the suite is cancelled and torn down. */
  readonly timeoutMs?: number;
}

/** Its directory is kept when the suite fails. */
export interface Scope extends Place {
  /** Aborted when the suite times out. */
  readonly signal: AbortSignal;
  /** A named step; the following ones run even when it fails. */
  test(name: string, step: (t: TestContext) => void | Promise<void>): Promise<void>;
  diagnostic(message: string): void;
}

/** FPM_TS_TEST_INSTALL=1 has installed everything, and a CI machine must have it. */
export function mayNotSkip(): boolean {
  return process.env.FPM_TS_TEST_INSTALL === '1' || process.env.CI === 'true';
}

export const IS_ROOT: boolean = process.getuid?.() === 0;

function obstacle(options: SuiteNeeds): { reason: string; fatal: boolean } | undefined {
  const missing = missingPrograms(options.needs ?? []);
  if (missing.length > 0) return { reason: aptLine(missing), fatal: mayNotSkip() };
  if (options.root === true && !IS_ROOT) {
    return { reason: 'needs root: sudo npm test', fatal: process.env.FPM_TS_TEST_INSTALL === '1' };
  }
  if (options.obstacle !== undefined) return { reason: options.obstacle, fatal: mayNotSkip() };
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
  const place = openPlace('fpm-ts-test-');
  let failed = false;
  t.after(async () => {
    // A timeout leaves `failed` unset: the body is still waiting then.
    failed ||= t.signal.aborted;
    let isKept = true;
    try {
      isKept = await place.close(failed);
    } finally {
      if (isKept) t.diagnostic(`kept for a look: ${place.dir}`);
    }
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
      dir: place.dir,
      defer: undo => place.defer(undo),
      signal: t.signal,
      test: (name, step) => t.test(name, inner => watched(() => step(inner))),
      diagnostic: message => t.diagnostic(message),
    }),
  );
}
