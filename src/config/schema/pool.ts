/** All settings of a pool file. */
import * as z from 'zod';
import { PROTOCOL_NAMES } from '../../protocols/names.ts';
import { identitySettings } from './identity.ts';
import { argv, duration, oneOf, path, plain, plainText, truth } from './kinds.ts';
import { listenSettings } from './listen.ts';
import { pmSettings, processSettings } from './pm.ts';
import { setting } from './setting.ts';
import { stopSignal } from './signals.ts';

const log = {
  file: setting(path, {
    description: 'File for the output of the workers.',
    applies: 'workers',
    computedDefault: "the supervisor's log",
  }),
};

const fileName = plain(plainText.regex(/^[^/]+$/), 'a file name');

const texts = plain(z.record(plainText.min(1), plainText), 'a table of strings', { isTable: true });

export const poolSettings = {
  command: setting(argv, {
    description:
      'The program and its arguments, executed without a shell. A name without a slash is searched in the PATH of the worker. A relative path starts at the directory of the file.',
    applies: 'workers',
    isInJail: true,
    example: '["/usr/bin/php-cgi"]',
    standIn: ['/'],
  }),
  enabled: setting(truth, {
    default: true,
    description: 'With false, the pool is read and checked but not started.',
    applies: 'live',
  }),
  extends: setting(path, {
    description:
      'A partial pool file whose settings this file inherits and overrides. It may extend another file.',
    applies: 'live',
    computedDefault: 'none',
  }),
  protocol: setting(oneOf(...PROTOCOL_NAMES), {
    default: 'fastcgi',
    description:
      'Protocol of the workers. Only `fpm-ts request`, `fpm-ts serve` and the planned broker use this setting.',
    applies: 'live',
  }),
  dispatch: setting(oneOf('shared', 'broker'), {
    default: 'shared',
    description:
      'Which process accepts connections. "shared": the workers, on one shared listening socket. "broker": a process of fpm-ts, which passes each request to a free worker.',
    applies: 'listener',
  }),
  ...identitySettings,
  stop_signal: setting(stopSignal, {
    default: 'SIGTERM',
    description: 'The signal that asks a worker to stop.',
    applies: 'live',
  }),
  stop_is_graceful: setting(truth, {
    description: 'Whether the program finishes its requests in flight when it gets `stop_signal`.',
    applies: 'live',
    computedDefault: 'true for php-cgi, otherwise false',
  }),
  kill_mode: setting(oneOf('group', 'process'), {
    default: 'group',
    description:
      "Whether the signals of a stop go to the worker's whole process group or only to the worker. After `process_control_timeout`, remaining processes of the group are killed in either case.",
    applies: 'live',
  }),
  start_timeout: setting(duration, {
    default: '30s',
    description: 'Maximum time until a new worker is ready.',
    applies: 'live',
  }),
  process_control_timeout: setting(duration, {
    default: '10s',
    description:
      'Maximum time that a busy worker has to finish its requests when it must stop. After that, its requests may be aborted.',
    applies: 'live',
    phpFpm: 'process_control_timeout',
  }),
  request_terminate_timeout: setting(duration, {
    default: 0,
    description:
      'A worker whose request takes longer is killed, and the log records it; 0 disables the limit. With `pm.worker_concurrency` above 1, a new generation takes over first, so that the other requests of the worker finish. The time is that of a connection. If the web server keeps connections open, fpm-ts detects requests on TCP by the data on each connection. On a Unix socket, it cannot distinguish one request that reads and writes files all the time from many short ones; with `pm.worker_concurrency` above 1, the age of the connection may count.',
    applies: 'live',
    phpFpm: 'request_terminate_timeout',
  }),
  request_slowlog_timeout: setting(duration, {
    default: 0,
    description:
      'A request that takes longer is logged once, with what its worker waits for; 0 disables the log. The time is measured as for `request_terminate_timeout`.',
    applies: 'live',
    phpFpm: 'request_slowlog_timeout',
  }),
  document_root: setting(path, {
    description:
      'Directory in which `fpm-ts request` and `fpm-ts serve` find scripts. For php-cgi, these two commands require it. A web server has its own document root.',
    applies: 'live',
    computedDefault: 'none',
  }),
  index: setting(fileName, {
    default: 'index.php',
    description: 'The script that `fpm-ts request` and `fpm-ts serve` use for a path that ends with a slash.',
    applies: 'live',
  }),
  params: setting(texts, {
    default: {},
    description:
      'Additional CGI parameters that `fpm-ts request` and `fpm-ts serve` send. They are merged name by name, like `env`.',
    applies: 'live',
  }),
  log,
  listen: listenSettings,
  pm: pmSettings,
  process: processSettings,
};

const { extends: _, ...inEffect } = poolSettings;

/** Those that a pool has in the end: it has been put together with what it extends. */
export const settingsInEffect: Omit<typeof poolSettings, 'extends'> = inEffect;
