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
    description: "Where the workers' output goes.",
    applies: 'workers',
    computedDefault: "the supervisor's log",
  }),
};

const fileName = plain(plainText.regex(/^[^/]+$/), 'a file name');

const texts = plain(z.record(plainText.min(1), plainText), 'a table of strings', { isTable: true });

export const poolSettings = {
  command: setting(argv, {
    description:
      'The program and its arguments; no shell. A name without a slash is looked for in PATH, a relative path beside the file.',
    applies: 'workers',
    isInJail: true,
    example: '["/usr/bin/php-cgi"]',
    standIn: ['/'],
  }),
  enabled: setting(truth, {
    default: true,
    description: 'false: the pool is read and checked, and not started.',
    applies: 'live',
  }),
  extends: setting(path, {
    description: 'A partial pool file underneath this one; what is set here wins. It may extend another.',
    applies: 'live',
    computedDefault: 'none',
  }),
  protocol: setting(oneOf(...PROTOCOL_NAMES), {
    default: 'fastcgi',
    description: 'What the workers speak. Only `request` and `serve` and, in time, the broker need to know.',
    applies: 'live',
  }),
  dispatch: setting(oneOf('shared', 'broker'), {
    default: 'shared',
    description:
      'Who accepts connections: the workers themselves on one shared listener, or a process of ours that hands each request to a free worker.',
    applies: 'listener',
  }),
  ...identitySettings,
  stop_signal: setting(stopSignal, {
    default: 'SIGTERM',
    description: 'The signal that asks a worker to stop.',
    applies: 'live',
  }),
  stop_is_graceful: setting(truth, {
    description: 'The program finishes the request in hand when it gets `stop_signal`.',
    applies: 'live',
    computedDefault: 'true for php-cgi, else false',
  }),
  kill_mode: setting(oneOf('group', 'process'), {
    default: 'group',
    description:
      "Whether the signals of a stop go to the worker's whole process group or to the worker alone. What is left of the group after process_control_timeout is killed in either case.",
    applies: 'live',
  }),
  start_timeout: setting(duration, {
    default: '30s',
    description: 'How long a new worker may take until it is ready.',
    applies: 'live',
  }),
  process_control_timeout: setting(duration, {
    default: '10s',
    description: 'How long a busy worker may take to finish its request when it is to stop.',
    applies: 'live',
    phpFpm: 'process_control_timeout',
  }),
  request_terminate_timeout: setting(duration, {
    default: 0,
    description:
      'A worker whose request takes longer is killed, which is logged; 0 is off. With `pm.worker_concurrency` above 1 a new generation takes over first, so that its other requests are finished. Measured by connections: where the web server keeps them open, on TCP by what goes over each; on a Unix socket a request that reads and writes files all the time cannot be told from many short ones, and with `pm.worker_concurrency` above 1 the age of the connection may count.',
    applies: 'live',
    phpFpm: 'request_terminate_timeout',
  }),
  request_slowlog_timeout: setting(duration, {
    default: 0,
    description:
      'A request that takes longer is logged, once, with what its worker is blocked in; 0 is off. Measured as `request_terminate_timeout`.',
    applies: 'live',
    phpFpm: 'request_slowlog_timeout',
  }),
  document_root: setting(path, {
    description:
      'Where `fpm-ts request` and `fpm-ts serve` look for scripts; php-cgi needs it there. Web servers have their own.',
    applies: 'live',
    computedDefault: 'none',
  }),
  index: setting(fileName, {
    default: 'index.php',
    description: 'The script that `request` and `serve` take for a path that ends in a slash.',
    applies: 'live',
  }),
  params: setting(texts, {
    default: {},
    description: 'Further CGI parameters that `request` and `serve` send; merged name by name as `env` is.',
    applies: 'live',
  }),
  log,
  listen: listenSettings,
  pm: pmSettings,
  process: processSettings,
};
