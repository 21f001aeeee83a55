/** How the numbers under `pm` bound each other: php-fpm's rules, where it has them. */
import { conflict, isPhpCgi, type Rule } from './rule.ts';
import type { PoolKeys } from './schema.ts';

type PmKey = keyof PoolKeys['pm'];

/** A rule that holds for dynamic pools, about two numbers that are both set. */
function atMost(key: PmKey, than: PmKey): Rule<PoolKeys> {
  return {
    key: `pm.${key}`,
    with: ['pm.mode', `pm.${than}`],
    find: ({ pm }) => {
      const value = pm[key];
      const bound = pm[than];
      if (pm.mode !== 'dynamic' || value === undefined || bound === undefined || value <= bound) return null;
      return conflict(
        `${value} is more than pm.${than}, ${bound}`,
        `set ${key} to at most ${bound}, or raise ${than}`,
      );
    },
  };
}

function requiredWhenDynamic(
  key: 'min_spare_servers' | 'max_spare_servers',
  example: number,
): Rule<PoolKeys> {
  return {
    key: `pm.${key}`,
    with: ['pm.mode'],
    find: ({ pm }) => {
      if (pm.mode !== 'dynamic' || pm[key] !== undefined) return null;
      const message = 'must be set for a dynamic pool';
      return {
        code: 'CONFIG_REQUIRED',
        message,
        remedy: `add pm.${key} = ${Math.min(example, pm.max_children)}`,
      };
    },
  };
}

export const SCALING_RULES: readonly Rule<PoolKeys>[] = [
  {
    key: 'pm.mode',
    with: ['listen.address'],
    find: ({ pm, listen }) =>
      pm.mode !== 'static' && listen.address.type === 'none'
        ? conflict(
            `a pool that listens on nothing has no connections by which it could be ${pm.mode}`,
            'write: pm.mode = "static"',
          )
        : null,
  },
  requiredWhenDynamic('min_spare_servers', 1),
  requiredWhenDynamic('max_spare_servers', 3),
  atMost('min_spare_servers', 'max_spare_servers'),
  atMost('max_spare_servers', 'max_children'),
  atMost('start_servers', 'max_spare_servers'),
  {
    key: 'pm.start_servers',
    with: ['pm.mode', 'pm.min_spare_servers'],
    find: ({ pm }) => {
      const { start_servers: start, min_spare_servers: min } = pm;
      if (pm.mode !== 'dynamic' || start === undefined || min === undefined || start >= min) return null;
      return conflict(
        `${start} is less than pm.min_spare_servers, ${min}`,
        `set start_servers to at least ${min}`,
      );
    },
  },
  {
    key: 'pm.max_requests',
    with: ['command'],
    find: ({ pm, command }) =>
      pm.max_requests > 0 && !isPhpCgi(command)
        ? conflict(
            'only php-cgi counts its own requests; any other program needs the broker, which counts',
            'leave it out',
          )
        : null,
  },
  {
    key: 'pm.worker_concurrency',
    with: ['command', 'env'],
    find: ({ pm, command, env }) => {
      const children = env.PHP_FCGI_CHILDREN;
      if (!isPhpCgi(command) || children === undefined || Number(children) === pm.worker_concurrency)
        return null;
      return {
        code: 'CONFIG_CONFLICT',
        severity: 'notice',
        message: `each worker serves ${children} connections at a time by env.PHP_FCGI_CHILDREN`,
        remedy: `write: pm.worker_concurrency = ${children}`,
      };
    },
  },
];
