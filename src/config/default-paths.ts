/** Where things are by default. Apart from the schema, which is slow to load and which many commands do not need. */
import { join } from 'node:path';

/** As root, a directory of the system; else one of the user's own. */
export function defaultRunDir(uid: number, env: Readonly<Record<string, string | undefined>>): string {
  if (uid === 0) return '/run/fpm-ts';
  const { XDG_RUNTIME_DIR: xdg } = env;
  // The XDG base directory specification: a value that is not absolute is to be ignored.
  return xdg?.startsWith('/') ? join(xdg, 'fpm-ts') : `/tmp/fpm-ts-${uid}`;
}

export function defaultSocket(runDir: string): string {
  return join(runDir, 'control.sock');
}

export function defaultPidFile(runDir: string): string {
  return join(runDir, 'fpm-ts.pid');
}

export const DEFAULT_INCLUDE = ['pools.d/*.toml'] as const;
