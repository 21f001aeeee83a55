/** All settings of `fpm-ts.toml`. */
import * as z from 'zod';
import { DEFAULT_INCLUDE } from '../default-paths.ts';
import { account, count, oneOf, path, pathOr, plain, size } from './kinds.ts';
import { setting } from './setting.ts';

const control = {
  socket: setting(path, {
    description: 'The Unix socket that the commands connect to.',
    applies: 'restart',
    computedDefault: 'RUN_DIR/control.sock',
  }),
  group: setting(
    {
      ...account('a group name or a gid, "" for none'),
      schema: z.union([z.string(), z.int().min(0)]).transform(String),
    },
    {
      default: '',
      description:
        "Group whose members may use the control socket with all commands. A pool's user may always use `status`, `explain` and `reload` for that pool.",
      applies: 'restart',
    },
  ),
};

const log = {
  level: setting(oneOf('trace', 'debug', 'info', 'warn', 'error'), {
    default: 'info',
    description: 'The lowest level that is logged.',
    applies: 'live',
    phpFpm: 'log_level',
  }),
  file: setting(pathOr('stderr'), {
    default: 'stderr',
    description:
      'Where the log is written. With `start --daemonize`, "stderr" means RUN_DIR/fpm-ts.log, because the process has no stderr after the command has returned.',
    applies: 'restart',
    phpFpm: 'error_log',
  }),
  format: setting(oneOf('auto', 'json', 'pretty'), {
    default: 'auto',
    description:
      'Format of the log. "pretty" is a line for people: date, time, level, pool, pid, text. "json" is JSON lines. "auto" means "pretty" on a terminal and "json" elsewhere. `fpm-ts logs` shows both formats for people.',
    applies: 'restart',
  }),
};

const processes = {
  max: setting(count(0, 1_000_000), {
    default: 0,
    description: 'Maximum number of workers of all pools together; 0 means no limit.',
    applies: 'live',
    phpFpm: 'process.max',
    unit: 'workers',
  }),
  min_free_memory: setting(size, {
    default: '0',
    description:
      'When less memory than this is free, no worker is started above the minima of the pools; 0 disables the check.',
    applies: 'live',
  }),
};

export const globalSettings = {
  include: setting(plain(z.array(z.string().min(1)), 'a list of paths and patterns'), {
    default: DEFAULT_INCLUDE,
    description:
      'Pool files, one file for each pool. The files that match a pattern are read in alphabetical order.',
    applies: 'live',
    phpFpm: 'include',
  }),
  run_dir: setting(path, {
    description:
      'Directory of the files that exist while fpm-ts runs: sockets, pid file, state. A missing directory is created, by root with mode 0755, by other users with 0700. Only its owner may have write permission.',
    applies: 'restart',
    computedDefault:
      '/run/fpm-ts for root; $XDG_RUNTIME_DIR/fpm-ts for other users, or /tmp/fpm-ts-UID if that variable is not set',
  }),
  pid_file: setting(path, {
    description: 'File with the pid of the keeper, the process that handles signals.',
    applies: 'restart',
    phpFpm: 'pid',
    computedDefault: 'RUN_DIR/fpm-ts.pid',
  }),
  control,
  log,
  process: processes,
};
