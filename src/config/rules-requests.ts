/** What the timeouts of requests can tell where we see connections only. */
import { PROTOCOLS } from '../protocols/names.ts';
import type { Finding, Rule } from './rule.ts';
import type { PoolKeys } from './schema.ts';

const TIMEOUTS = ['request_terminate_timeout', 'request_slowlog_timeout'] as const;

/** One rule for both: it is said once, of the first that is set. */
export const REQUEST_RULES: readonly Rule<PoolKeys>[] = TIMEOUTS.map(
  (key, i): Rule<PoolKeys> => ({
    key,
    with: ['listen.address', 'protocol', 'pm.worker_concurrency'],
    find: keys => {
      const isSaidAlready = TIMEOUTS.slice(0, i).some(other => keys[other] > 0);
      return keys[key] === 0 || isSaidAlready ? null : limitOf(keys);
    },
  }),
);

function limitOf({ listen, protocol, pm }: PoolKeys): Finding | null {
  const { type } = listen.address;
  if (type === 'none')
    return {
      ...notice('has no effect: a pool that listens on nothing has no requests', 'leave it out'),
      severity: 'unused',
    };
  // On TCP the kernel counts what goes over each.
  if (PROTOCOLS[protocol].hasOneRequest || type === 'tcp') return null;
  const remedy = 'leave fastcgi_keep_conn off (nginx has it off), or listen on TCP, where it can be told';
  if (pm.worker_concurrency > 1)
    return notice(
      'of a connection that the web server keeps open, it may count the age of the connection: with pm.worker_concurrency above 1 the requests on it cannot be told apart',
      remedy,
    );
  return notice(
    'of a connection that the web server keeps open, a request that reads and writes files all the time cannot be told from many short ones, and is taken for those',
    remedy,
  );
}

function notice(message: string, remedy: string): Finding {
  return { code: 'CONFIG_CONFLICT', severity: 'notice', message, remedy };
}
