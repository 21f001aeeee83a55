/** FPM_TS_TEST_INSTALL=1: brings the Debian packages that the suites need, without starting any service. */
import { spawnSync } from 'node:child_process';
import { existsSync, rmSync, writeFileSync } from 'node:fs';
import { ALL_PROGRAMS, missingPrograms, packagesOf } from './needs.ts';
import { IS_ROOT } from './suite.ts';

/** Debian's maintainer scripts ask it before they start a service; 101 forbids (invoke-rc.d(8)). */
const POLICY = '/usr/sbin/policy-rc.d';

function aptGet(...args: string[]): boolean {
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  // stdin closed, so that nothing can wait for an answer; what apt says belongs beside the test's output.
  return spawnSync('apt-get', args, { env, stdio: ['ignore', 'inherit', 'inherit'] }).status === 0;
}

/** Runs `work` while no package may start its service. A policy that was there before is left alone. */
function withoutServices<T>(work: () => T): T {
  if (existsSync(POLICY)) return work();
  writeFileSync(POLICY, '#!/bin/sh\nexit 101\n', { mode: 0o755 });
  try {
    return work();
  } finally {
    rmSync(POLICY);
  }
}

/** Installs what is missing. Returns why that did not work, or undefined when all programs are there. */
export function installMissing(): string | undefined {
  if (!IS_ROOT) return 'FPM_TS_TEST_INSTALL=1 needs root: some suites run only as root';
  const missing = missingPrograms(ALL_PROGRAMS);
  if (missing.length === 0) return undefined;
  const packages = packagesOf(missing);
  console.log(`installing ${packages.join(' ')} (for ${missing.join(', ')})`);
  const install = ['install', '-y', '-q', '--no-install-recommends', ...packages];
  const done = withoutServices(
    // The lists may be missing or name versions that the mirror no longer has.
    () => aptGet(...install) || (aptGet('update', '-q') && aptGet(...install)),
  );
  if (!done) return `apt-get ${install.join(' ')} failed`;
  const still = missingPrograms(ALL_PROGRAMS);
  return still.length === 0 ? undefined : `still missing after the installation: ${still.join(', ')}`;
}
