/**
 * The run directory of a spawn, named after its address: so the same command line finds what its predecessor left when
 * that was killed, and no two hold one address. Its lock is held while it is filled and the keeper starts.
 */
import { createHash } from 'node:crypto';
import { constants, lstatSync, mkdirSync, openSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { defaultRunDir } from '../../config/default-paths.ts';
import { runtimePaths } from '../../config/runtime-paths.ts';
import { call } from '../../control/client.ts';
import { FpmError } from '../../errors.ts';
import { makeRunDir } from '../../keeper/pid-file.ts';
import { SPAWNED_MARK } from '../../keeper/spawned.ts';
import { tryLock } from '../../os/descriptor.ts';
import { lockHolder } from '../../os/locks.ts';

const TRIES = 5;

/** /run/fpm-ts-spawn/php-1a2b3c4d; not root: below $XDG_RUNTIME_DIR, else in /tmp. */
export function runDirOf(pool: string, address: string, uid: number, env: NodeJS.ProcessEnv): string {
  const digest = createHash('sha256').update(address).digest('hex').slice(0, 8);
  return join(`${defaultRunDir(uid, env)}-spawn`, `${pool}-${digest}`);
}

/**
 * Makes the directory and holds its lock until this process ends.
 * @returns false when a spawn for this address runs or is just starting
 * @throws {Error} when it cannot be made, or is somebody else's
 */
export function takeRunDir(path: string): boolean {
  for (let tries = 1; ; tries++) {
    makeRunDir(join(path, '..'));
    try {
      mkdirSync(path, { mode: 0o700 });
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === 'ENOENT' && tries < TRIES) continue; // the last one below has just removed it
      if (code !== 'EEXIST') throw error;
    }
    makeRunDir(path);
    try {
      if (!tryLock(openSync(path, constants.O_RDONLY | constants.O_DIRECTORY))) return false;
      if (isRunning(path)) return false;
      writeFileSync(join(path, SPAWNED_MARK), '', { mode: 0o600 });
      return true;
    } catch (error) {
      // One that ends removes it under us: it is free then.
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT' || tries >= TRIES) throw error;
    }
  }
}

/** @returns the pid of the keeper that has the directory, when it was told to stop */
export async function stoppingIn(path: string): Promise<number | null> {
  try {
    if (lstatSync(path).uid !== process.geteuid?.()) return null; // nobody else makes us wait
    const configFile = configFileIn(path);
    const status = await call({ ...runtimePaths(configFile), configFile }, 'status', {});
    return status.state === 'stopping' ? status.pid : null;
  } catch (error) {
    // Nobody runs there, or it is ending and answers no more: the lock of its directory decides.
    // What somebody else has put there, makeRunDir refuses.
    if (error instanceof FpmError || 'code' in (error as Error)) return null;
    throw error;
  }
}

export function configFileIn(runDir: string): string {
  return join(runDir, 'fpm-ts.toml');
}

function isRunning(runDir: string): boolean {
  try {
    return lockHolder(runtimePaths(configFileIn(runDir))) !== null;
  } catch {
    return false; // no configuration yet, or half of one: nothing was ever started with it
  }
}
