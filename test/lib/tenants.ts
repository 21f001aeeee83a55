/** Two tenants with places of their own, and what check, start and reload say of their pools: to each, and to root. */
import assert from 'node:assert/strict';
import { chmodSync, chownSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { checkSystem } from '../../src/config/check/check.ts';
import { loadConfig } from '../../src/config/load.ts';
import { describeObstacle, formatProblem, obstaclesOf, partOf } from '../../src/config/problems.ts';
import type { Place } from './place.ts';
import { type PoolKeys, poolText } from './pools.ts';

export const ALICE = 4401;
export const MALLORY = 4402;
/** A group. */
export const SHARED = 4403;

export function own(path: string, uid: number, mode: number, gid = uid): string {
  chownSync(path, uid, gid);
  chmodSync(path, mode);
  return path;
}

export function directory(path: string, uid: number, mode = 0o755, gid = uid): string {
  mkdirSync(path);
  return own(path, uid, mode, gid);
}

export function write(path: string, text: string, uid: number, mode: number): void {
  writeFileSync(path, text);
  own(path, uid, mode);
}

export function poolOfUser(uid: number, keys: PoolKeys = {}): string {
  return poolText({
    command: ['/bin/sleep', '1000'],
    protocol: 'other',
    'listen.address': 'none',
    'pm.max_children': 1,
    user: String(uid),
    group: String(uid),
    ...keys,
  });
}

export interface Said {
  /** By pool, what its user reads, and the remedies in it. */
  readonly pools: ReadonlyMap<string, string>;
  /** What concerns everybody, as the users of pools read it. */
  readonly all: string;
  /** What `fpm-ts check` prints. */
  readonly root: string;
}

/** Checks pool files that are written into the scope's directory. */
export function checker(scope: Place): (pools: Readonly<Record<string, string>>) => Promise<Said> {
  const file = join(scope.dir, 'fpm-ts.toml');
  const poolsDir = join(scope.dir, 'pools.d');
  writeFileSync(file, `run_dir = "${scope.dir}/run"\n`);
  return async pools => {
    rmSync(poolsDir, { recursive: true, force: true });
    mkdirSync(poolsDir);
    for (const [name, text] of Object.entries(pools)) writeFileSync(join(poolsDir, `${name}.toml`), text);
    const { config, problems, obstacles, sources } = loadConfig({ file, env: {}, uid: 0 });
    assert.ok(config !== null, problems.map(formatProblem).join('\n'));
    const found = await checkSystem(config, sources, { ownAddresses: new Set(), env: {} });
    const all = obstaclesOf([...obstacles, ...found.obstacles]);
    return {
      pools: new Map([...all].map(([name, errors]) => [name, describeObstacle(errors)])),
      all: found.problems.map(it => partOf(it).text).join('\n'),
      root: [...found.problems, ...[...all.values()].flat()].map(formatProblem).join('\n'),
    };
  };
}

/** A socket on which somebody listens. */
export async function listening(path: string, scope: Place): Promise<void> {
  const server = createServer();
  await new Promise<void>(resolve => server.listen(path, resolve));
  scope.defer(() => new Promise<void>(resolve => server.close(() => resolve())));
}
