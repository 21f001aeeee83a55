/** All keys of `fpm-ts.toml`. */
import * as z from 'zod';
import { path, SIZE_FORMS, size } from './kinds.ts';
import { group, key } from './meta.ts';

const controlKeys = {
  socket: key(path.optional(), {
    description: 'The Unix socket that the commands talk to.',
    allowed: 'a path',
    applies: 'restart',
    computedDefault: 'RUN_DIR/control.sock',
    isPath: true,
  }),
  group: key(
    z
      .union([z.string(), z.int().min(0)])
      .transform(String)
      .prefault(''),
    {
      description:
        "Group whose members may use the control socket. A pool's own user may ask for that pool's status and reload it in any case.",
      allowed: 'a group name or a gid, "" for none',
      applies: 'restart',
    },
  ),
};

const logKeys = {
  level: key(z.enum(['trace', 'debug', 'info', 'warn', 'error']).prefault('info'), {
    description: 'What is logged at least.',
    allowed: '"trace", "debug", "info", "warn" or "error"',
    applies: 'live',
    phpFpm: 'log_level',
  }),
  file: key(path.prefault('stderr'), {
    description:
      'Where the log goes. `start --daemonize` has no stderr once it has returned: there "stderr" is RUN_DIR/fpm-ts.log.',
    allowed: '"stderr" or a path',
    applies: 'restart',
    phpFpm: 'error_log',
    isPath: true,
  }),
  format: key(z.enum(['auto', 'json', 'pretty']).prefault('auto'), {
    description: '"auto" is for people on a terminal and JSON lines elsewhere.',
    allowed: '"auto", "json" or "pretty"',
    applies: 'restart',
  }),
};

const processKeys = {
  max: key(z.int().min(0).max(1_000_000).prefault(0), {
    description: 'Workers over all pools; 0 is no limit.',
    allowed: 'a whole number from 0 to 1000000',
    applies: 'live',
    phpFpm: 'process.max',
    unit: 'workers',
  }),
  min_free_memory: key(size.prefault('0'), {
    description: "Free memory below which nothing is started above the pools' minima; 0 is off.",
    allowed: SIZE_FORMS,
    applies: 'live',
  }),
};

export const globalKeys = {
  include: key(z.array(z.string().min(1)).prefault(['pools.d/*.toml']), {
    description: 'Pool files, one pool a file; patterns are expanded in alphabetical order.',
    allowed: 'a list of paths and patterns',
    applies: 'live',
    phpFpm: 'include',
    isPath: true,
  }),
  run_dir: key(path.optional(), {
    description:
      'Directory of what exists while the supervisor runs; made when it is missing, by root with mode 0755, by others with 0700. Only its owner may write in it.',
    allowed: 'a path',
    applies: 'restart',
    computedDefault: '/run/fpm-ts; not root: $XDG_RUNTIME_DIR/fpm-ts, else /tmp/fpm-ts-UID',
    isPath: true,
  }),
  pid_file: key(path.optional(), {
    description: 'File with the pid of the process to send signals to.',
    allowed: 'a path',
    applies: 'restart',
    phpFpm: 'pid',
    computedDefault: 'RUN_DIR/fpm-ts.pid',
    isPath: true,
  }),
  control: group(controlKeys),
  log: group(logKeys),
  process: group(processKeys),
};

export const globalSchema = z.strictObject(globalKeys);

/** `fpm-ts.toml` without [defaults], after validation: TOML's names, values normalised. */
export type GlobalKeys = z.output<typeof globalSchema>;
