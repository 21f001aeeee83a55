/** Directives of php-fpm that somebody may bring along and that have another name here, or none: what to do instead. */
import { KEYS } from './schema.ts';

const PHP_INI = "php.ini, or the command's -d option, holds PHP's own settings";
const NEVER_NEEDED = 'leave it out';

export const PHP_FPM_KEYS: ReadonlyMap<string, string> = new Map([
  ...renamed(),
  ['daemonize', 'leave it out: `fpm-ts start --daemonize` does it'],
  ['log_limit', `${NEVER_NEEDED}: long lines are kept`],
  ['log_buffering', NEVER_NEEDED],
  ['events.mechanism', NEVER_NEEDED],
  ['systemd_interval', NEVER_NEEDED],
  [
    'emergency_restart_threshold',
    `${NEVER_NEEDED}: a pool whose workers crash is backed off and reported, and no other pool is restarted`,
  ],
  [
    'emergency_restart_interval',
    `${NEVER_NEEDED}: a pool whose workers crash is backed off and reported, and no other pool is restarted`,
  ],
  ['prefix', 'relative paths resolve against the file that says them'],
  ['listen.acl_users', 'use listen.owner, listen.group and listen.mode'],
  ['listen.acl_groups', 'use listen.owner, listen.group and listen.mode'],
  ['process.dumpable', NEVER_NEEDED],
  ['apparmor_hat', NEVER_NEEDED],
  ['pm.status_path', 'leave it out: `fpm-ts status` tells it from outside the pool'],
  ['pm.status_listen', 'leave it out: `fpm-ts status` tells it from outside the pool'],
  ['ping.path', "leave it out: `fpm-ts status --check` tells the pool's health"],
  ['ping.response', "leave it out: `fpm-ts status --check` tells the pool's health"],
  ['access.log', "leave it out: the web server's access log has the requests"],
  ['access.format', "leave it out: the web server's access log has the requests"],
  ['access.suppress_path', "leave it out: the web server's access log has the requests"],
  ['slowlog', 'leave it out: slow requests go to the log'],
  ['request_slowlog_trace_depth', 'leave it out: programs other than PHP have no such trace'],
  ['request_terminate_timeout_track_finished', NEVER_NEEDED],
  ['catch_workers_output', "leave it out: the workers' output always goes to the log"],
  ['decorate_workers_output', "leave it out: the workers' output always goes to the log"],
  ['security.limit_extensions', 'let the web server pass only the scripts that may run'],
  ['php_value', PHP_INI],
  ['php_flag', PHP_INI],
  ['php_admin_value', PHP_INI],
  ['php_admin_flag', PHP_INI],
]);

/** Whoever declares a setting says what php-fpm calls it. Plain `listen` and `pm` are taken here as well. */
function renamed(): [string, string][] {
  return [...KEYS.global.values(), ...KEYS.pool.values()].flatMap(({ name, meta }): [string, string][] => {
    const { phpFpm, isPlain } = meta;
    return phpFpm === undefined || phpFpm === name || isPlain ? [] : [[phpFpm, `write: ${name} = ...`]];
  });
}

/** Whether some directive of php-fpm begins with this name and a dot. */
export function isPhpFpmGroup(name: string): boolean {
  return [...PHP_FPM_KEYS.keys()].some(key => key.startsWith(`${name}.`));
}
