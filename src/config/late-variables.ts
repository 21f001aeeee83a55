/**
 * Which variables of a worker must not reach the programs in front of its command (src/worker/late-environment.ts). A
 * pool that has any needs env(1) of GNU coreutils, in a jail inside of it.
 */
import { DEFAULT_PATH } from '../os/programs.ts';
import type { PoolConfig } from './types.ts';

/** Nothing but the worker acts on these. */
const WITHOUT_MEANING = /^(HOME|USER|LOGNAME|LISTEN_FDS|LISTEN_FDNAMES|FCGI_WEB_SERVER_ADDRS|PHP_FCGI_\w+)$/;

/** Where env(1) stands in a jail. */
export const ENV_IN_JAIL = '/usr/bin/env';

/**
 * An allowlist: nobody can list all that a C library and a program act on. In a jail what comes from our own environment
 * may pass: it is the administrator's, we were started with it ourselves, and a jail often holds one static binary.
 */
export function isLate(
  name: string,
  value: string,
  { env, chroot }: Pick<PoolConfig, 'env' | 'chroot'>,
): boolean {
  if (chroot !== undefined && env[name] === undefined) return false;
  return !(WITHOUT_MEANING.test(name) || (name === 'PATH' && value === DEFAULT_PATH));
}

/** The first variable that a pool sets and that must come late, with the key that says so; null: there is none. */
export function lateVariable(
  pool: PoolConfig,
  ours: NodeJS.ProcessEnv,
): { readonly name: string; readonly key: 'env' | 'pass_env' | 'clear_env' } | null {
  const { env, clearEnv, passEnv } = pool;
  const own = Object.keys(env).find(name => isLate(name, env[name] ?? '', pool));
  if (own !== undefined) return { name: own, key: 'env' };
  const passed = (clearEnv ? passEnv : Object.keys(ours)).find(name => {
    const value = ours[name];
    return value !== undefined && isLate(name, value, pool);
  });
  return passed === undefined ? null : { name: passed, key: clearEnv ? 'pass_env' : 'clear_env' };
}
