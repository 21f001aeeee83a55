/** The settings of a pool that say as whom and where its workers run: user, directories, environment, limits. */
import { environment, variableNames } from './environment.ts';
import { countLimit, mode, path, paths, sizeLimit, truth, user, userGroup } from './kinds.ts';
import { setting } from './setting.ts';

const inherited = { computedDefault: 'inherited', applies: 'workers' } as const;

export const identitySettings = {
  user: setting(user, {
    example: '"www-data"',
    description: 'User of the workers.',
    applies: 'workers',
    phpFpm: 'user',
    computedDefault: 'required when the supervisor is root, else the user who starts it',
  }),
  group: setting(userGroup, {
    description: 'Group of the workers; supplementary groups are those of the user.',
    applies: 'workers',
    phpFpm: 'group',
    computedDefault: "the user's group",
  }),
  allow_root: setting(truth, {
    default: false,
    description: 'Workers may run as root; without `user` they then do.',
    applies: 'workers',
    phpFpm: 'the option -R',
  }),
  umask: setting(mode, {
    default: '0022',
    description: 'umask of the workers.',
    allowed: mode.allowed.replace('0660', '0022'),
    applies: 'workers',
  }),
  chdir: setting(path, {
    default: '/',
    isInJail: true,
    description: 'Working directory of the workers; inside `chroot` when that is set.',
    applies: 'workers',
    phpFpm: 'chdir',
  }),
  chroot: setting(path, {
    description:
      'Root directory of the workers. A pool that sets variables (`env`, `env_files`) needs /usr/bin/env of GNU coreutils inside.',
    applies: 'workers',
    phpFpm: 'chroot',
    computedDefault: 'none',
  }),
  clear_env: setting(truth, {
    default: true,
    description:
      "Workers start without the supervisor's environment; PATH, HOME, USER and LOGNAME are set for the worker's user even so.",
    applies: 'workers',
    phpFpm: 'clear_env',
  }),
  env: setting(environment, {
    default: {},
    description: 'Variables of the workers; merged name by name over those of `extends` and [defaults].',
    applies: 'workers',
    phpFpm: 'env[NAME]',
  }),
  env_files: setting(paths, {
    default: [],
    description:
      "Files of KEY=VALUE lines, as systemd's EnvironmentFile; `env` wins over them. Values from here are masked when printed.",
    applies: 'workers',
  }),
  pass_env: setting(variableNames, {
    default: [],
    description: "Variables taken from the supervisor's environment.",
    applies: 'workers',
  }),
  rlimit_files: setting(countLimit, {
    ...inherited,
    description:
      'Open files of a worker (RLIMIT_NOFILE), soft and hard. Without it, workers inherit the soft limit, and a hard limit of at most 65536.',
    phpFpm: 'rlimit_files',
    unit: 'descriptors',
  }),
  rlimit_core: setting(sizeLimit, {
    ...inherited,
    description: 'Size of a core dump (RLIMIT_CORE).',
    phpFpm: 'rlimit_core',
  }),
  rlimit_nproc: setting(countLimit, {
    ...inherited,
    description: "Processes and threads of the worker's user (RLIMIT_NPROC).",
    unit: 'processes',
  }),
  rlimit_as: setting(sizeLimit, {
    ...inherited,
    description: 'Address space of a worker (RLIMIT_AS).',
  }),
  rlimit_memlock: setting(sizeLimit, {
    ...inherited,
    description: 'Memory that a worker may lock (RLIMIT_MEMLOCK).',
  }),
};
