/** All keys of a pool file. */
import * as z from 'zod';
import { identityKeys } from './identity.ts';
import { DURATION_FORMS, duration, path, plainText } from './kinds.ts';
import { listenKeys } from './listen.ts';
import { group, key } from './meta.ts';
import { pmKeys, processKeys } from './pm.ts';
import { STOP_SIGNALS, stopSignalName } from './signals.ts';

const logKeys = {
  file: key(path.optional(), {
    description: "Where the workers' output goes.",
    allowed: 'a path',
    applies: 'workers',
    computedDefault: "the supervisor's log",
    isPath: true,
  }),
};

const command = z.array(plainText).min(1);

export const poolKeys = {
  command: key(
    command.refine(argv => argv[0] !== '', { message: 'has an empty program name' }),
    {
      description:
        'The program and its arguments; no shell. A name without a slash is looked for in PATH, a relative path beside the file.',
      allowed: 'a list of strings, the program first',
      applies: 'workers',
    },
  ),
  enabled: key(z.boolean().prefault(true), {
    description: 'false: the pool is read and checked, and not started.',
    allowed: 'true or false',
    applies: 'live',
  }),
  extends: key(path.optional(), {
    description: 'A partial pool file underneath this one; what is set here wins. It may extend another.',
    allowed: 'a path',
    applies: 'live',
    computedDefault: 'none',
    isPath: true,
  }),
  protocol: key(z.enum(['fastcgi', 'scgi', 'http', 'uwsgi', 'other']).prefault('fastcgi'), {
    description: 'What the workers speak. Only `request` and `serve` and, in time, the broker need to know.',
    allowed: '"fastcgi", "scgi", "http", "uwsgi" or "other"',
    applies: 'live',
  }),
  dispatch: key(z.enum(['shared', 'broker']).prefault('shared'), {
    description:
      'Who accepts connections: the workers themselves on one shared listener, or a process of ours that hands each request to a free worker.',
    allowed: '"shared" or "broker"',
    applies: 'listener',
  }),
  ...identityKeys,
  stop_signal: key(
    z
      .string()
      .regex(new RegExp(`^(SIG)?(${STOP_SIGNALS.join('|')})$`))
      .transform(stopSignalName)
      .prefault('SIGTERM'),
    {
      description: 'The signal that asks a worker to stop.',
      allowed: `one of ${STOP_SIGNALS.map(name => `SIG${name}`).join(', ')}`,
      applies: 'live',
    },
  ),
  stop_is_graceful: key(z.boolean().optional(), {
    description: 'The program finishes the request in hand when it gets `stop_signal`.',
    allowed: 'true or false',
    applies: 'live',
    computedDefault: 'true for php-cgi, else false',
  }),
  kill_mode: key(z.enum(['group', 'process']).prefault('group'), {
    description:
      "Whether the signals of a stop go to the worker's whole process group or to the worker alone. What is left of the group after process_control_timeout is killed in either case.",
    allowed: '"group" or "process"',
    applies: 'live',
  }),
  start_timeout: key(duration.prefault('30s'), {
    description: 'How long a new worker may take until it is ready.',
    allowed: DURATION_FORMS,
    applies: 'live',
  }),
  process_control_timeout: key(duration.prefault('10s'), {
    description: 'How long a busy worker may take to finish its request when it is to stop.',
    allowed: DURATION_FORMS,
    applies: 'live',
    phpFpm: 'process_control_timeout',
  }),
  request_terminate_timeout: key(duration.prefault(0), {
    description:
      'A worker whose request takes longer is killed, which is logged; 0 is off. With `pm.worker_concurrency` above 1 a new generation takes over first, so that its other requests are finished. Measured by connections: where the web server keeps them open, on TCP by what goes over each; on a Unix socket a request that reads and writes files all the time cannot be told from many short ones, and with `pm.worker_concurrency` above 1 the age of the connection may count.',
    allowed: DURATION_FORMS,
    applies: 'live',
    phpFpm: 'request_terminate_timeout',
  }),
  request_slowlog_timeout: key(duration.prefault(0), {
    description:
      'A request that takes longer is logged, once, with what its worker is blocked in; 0 is off. Measured as `request_terminate_timeout`.',
    allowed: DURATION_FORMS,
    applies: 'live',
    phpFpm: 'request_slowlog_timeout',
  }),
  document_root: key(path.optional(), {
    description:
      'Where `fpm-ts request` and `fpm-ts serve` look for scripts; php-cgi needs it there. Web servers have their own.',
    allowed: 'a path',
    applies: 'live',
    computedDefault: 'none',
    isPath: true,
  }),
  index: key(plainText.regex(/^[^/]+$/).prefault('index.php'), {
    description: 'The script that `request` and `serve` take for a path that ends in a slash.',
    allowed: 'a file name',
    applies: 'live',
  }),
  params: key(z.record(plainText.min(1), plainText).prefault({}), {
    description: 'Further CGI parameters that `request` and `serve` send; merged name by name as `env` is.',
    allowed: 'a table of strings',
    applies: 'live',
  }),
  log: group(logKeys),
  listen: group(listenKeys),
  pm: group(pmKeys),
  process: group(processKeys),
};

export const poolSchema = z.strictObject(poolKeys);

/** A pool file as it is after validation: TOML's names, values normalised. */
export type PoolKeys = z.output<typeof poolSchema>;
