/** All settings of `fpm-ts.toml`. */
import * as z from 'zod';
import { DEFAULT_INCLUDE } from '../default-paths.ts';
import { account, count, oneOf, path, pathOr, plain, size } from './kinds.ts';
import { setting } from './setting.ts';

const control = {
  socket: setting(path, {
    description: 'The Unix socket that the commands talk to.',
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
        "Group whose members may use the control socket. A pool's own user may ask for that pool's status and reload it in any case.",
      applies: 'restart',
    },
  ),
};

const log = {
  level: setting(oneOf('trace', 'debug', 'info', 'warn', 'error'), {
    default: 'info',
    description: 'What is logged at least.',
    applies: 'live',
    phpFpm: 'log_level',
  }),
  file: setting(pathOr('stderr'), {
    default: 'stderr',
    description:
      'Where the log goes. `start --daemonize` has no stderr once it has returned: there "stderr" is RUN_DIR/fpm-ts.log.',
    applies: 'restart',
    phpFpm: 'error_log',
  }),
  format: setting(oneOf('auto', 'json', 'pretty'), {
    default: 'auto',
    description:
      '"pretty" is a line for people: date, time, level, pool, pid, text. "auto" is "pretty" on a terminal and JSON lines elsewhere. `fpm-ts logs` shows either for people.',
    applies: 'restart',
  }),
};

const processes = {
  max: setting(count(0, 1_000_000), {
    default: 0,
    description: 'Workers over all pools; 0 is no limit.',
    applies: 'live',
    phpFpm: 'process.max',
    unit: 'workers',
  }),
  min_free_memory: setting(size, {
    default: '0',
    description: "Free memory below which nothing is started above the pools' minima; 0 is off.",
    applies: 'live',
  }),
};

export const globalSettings = {
  include: setting(plain(z.array(z.string().min(1)), 'a list of paths and patterns'), {
    default: DEFAULT_INCLUDE,
    description: 'Pool files, one pool a file; patterns are expanded in alphabetical order.',
    applies: 'live',
    phpFpm: 'include',
  }),
  run_dir: setting(path, {
    description:
      'Directory of what exists while the supervisor runs; made when it is missing, by root with mode 0755, by others with 0700. Only its owner may write in it.',
    applies: 'restart',
    computedDefault: '/run/fpm-ts; not root: $XDG_RUNTIME_DIR/fpm-ts, else /tmp/fpm-ts-UID',
  }),
  pid_file: setting(path, {
    description: 'File with the pid of the process to send signals to.',
    applies: 'restart',
    phpFpm: 'pid',
    computedDefault: 'RUN_DIR/fpm-ts.pid',
  }),
  control,
  log,
  process: processes,
};
