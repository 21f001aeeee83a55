/** The keys of a pool that say as whom and where its workers run: user, directories, environment, limits. */
import * as z from 'zod';
import { VARIABLE_FORMS, variableName, variableValue } from './environment.ts';
import {
  account,
  COUNT_LIMIT_FORMS,
  countLimit,
  MODE_FORMS,
  mode,
  path,
  SIZE_LIMIT_FORMS,
  sizeLimit,
} from './kinds.ts';
import { key } from './meta.ts';

const inherited = { computedDefault: 'inherited', applies: 'workers' } as const;

export const identityKeys = {
  user: key(account.optional(), {
    description: 'User of the workers.',
    allowed: 'a user name or a uid',
    applies: 'workers',
    phpFpm: 'user',
    computedDefault: 'required when the supervisor is root, else the user who starts it',
  }),
  group: key(account.optional(), {
    description: 'Group of the workers; supplementary groups are those of the user.',
    allowed: 'a group name or a gid',
    applies: 'workers',
    phpFpm: 'group',
    computedDefault: "the user's group",
  }),
  allow_root: key(z.boolean().prefault(false), {
    description: 'Workers may run as root; without `user` they then do.',
    allowed: 'true or false',
    applies: 'workers',
    phpFpm: 'the option -R',
  }),
  umask: key(mode.prefault('0022'), {
    description: 'umask of the workers.',
    allowed: MODE_FORMS.replace('0660', '0022'),
    applies: 'workers',
  }),
  chdir: key(path.prefault('/'), {
    description: 'Working directory of the workers; inside `chroot` when that is set.',
    allowed: 'a path',
    applies: 'workers',
    phpFpm: 'chdir',
    isPath: true,
  }),
  chroot: key(path.optional(), {
    description:
      'Root directory of the workers. A pool that sets variables (`env`, `env_files`) needs /usr/bin/env of GNU coreutils inside.',
    allowed: 'a path',
    applies: 'workers',
    phpFpm: 'chroot',
    computedDefault: 'none',
    isPath: true,
  }),
  clear_env: key(z.boolean().prefault(true), {
    description:
      "Workers start without the supervisor's environment; PATH, HOME, USER and LOGNAME are set for the worker's user even so.",
    allowed: 'true or false',
    applies: 'workers',
    phpFpm: 'clear_env',
  }),
  env: key(z.record(variableName, variableValue).prefault({}), {
    description: 'Variables of the workers; merged name by name over those of `extends` and [defaults].',
    allowed: `a table of strings, with ${VARIABLE_FORMS}`,
    applies: 'workers',
    phpFpm: 'env[NAME]',
  }),
  env_files: key(z.array(path).prefault([]), {
    description:
      "Files of KEY=VALUE lines, as systemd's EnvironmentFile; `env` wins over them. Values from here are masked when printed.",
    allowed: 'a list of paths',
    applies: 'workers',
    isPath: true,
  }),
  pass_env: key(z.array(variableName).prefault([]), {
    description: "Variables taken from the supervisor's environment.",
    allowed: `a list of ${VARIABLE_FORMS}`,
    applies: 'workers',
  }),
  rlimit_files: key(countLimit.optional(), {
    ...inherited,
    description:
      'Open files of a worker (RLIMIT_NOFILE), soft and hard. Without it, workers inherit the soft limit, and a hard limit of at most 65536.',
    allowed: COUNT_LIMIT_FORMS,
    phpFpm: 'rlimit_files',
    unit: 'descriptors',
  }),
  rlimit_core: key(sizeLimit.optional(), {
    ...inherited,
    description: 'Size of a core dump (RLIMIT_CORE).',
    allowed: SIZE_LIMIT_FORMS,
    phpFpm: 'rlimit_core',
  }),
  rlimit_nproc: key(countLimit.optional(), {
    ...inherited,
    description: "Processes and threads of the worker's user (RLIMIT_NPROC).",
    allowed: COUNT_LIMIT_FORMS,
    unit: 'processes',
  }),
  rlimit_as: key(sizeLimit.optional(), {
    ...inherited,
    description: 'Address space of a worker (RLIMIT_AS).',
    allowed: SIZE_LIMIT_FORMS,
  }),
  rlimit_memlock: key(sizeLimit.optional(), {
    ...inherited,
    description: 'Memory that a worker may lock (RLIMIT_MEMLOCK).',
    allowed: SIZE_LIMIT_FORMS,
  }),
};
