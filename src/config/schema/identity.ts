/** The settings of a pool that say as whom and where its workers run: user, directories, environment, limits. */
import { environment, variableNames } from './environment.ts';
import { countLimit, mode, path, paths, sizeLimit, truth, user, userGroup } from './kinds.ts';
import { setting } from './setting.ts';

const inherited = { computedDefault: 'inherited', applies: 'workers' } as const;

export const identitySettings = {
  user: setting(user, {
    example: '"www-data"',
    description: 'User that the workers run as.',
    applies: 'workers',
    phpFpm: 'user',
    computedDefault: 'required as root, otherwise the user that starts fpm-ts',
  }),
  group: setting(userGroup, {
    description: 'Group that the workers run as. The supplementary groups are those of the user.',
    applies: 'workers',
    phpFpm: 'group',
    computedDefault: "the user's group",
  }),
  allow_root: setting(truth, {
    default: false,
    description: 'Permits workers that run as root. Without `user`, they then run as root.',
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
    description: 'Working directory of the workers. With `chroot`, a path inside that directory.',
    applies: 'workers',
    phpFpm: 'chdir',
  }),
  chroot: setting(path, {
    description:
      'Root directory of the workers. If the pool sets variables (`env`, `env_files`), the directory must contain /usr/bin/env of GNU coreutils.',
    applies: 'workers',
    phpFpm: 'chroot',
    computedDefault: 'none',
  }),
  clear_env: setting(truth, {
    default: true,
    description:
      "Workers do not inherit the supervisor's environment. PATH, HOME, USER and LOGNAME are set in any case, for the worker's user.",
    applies: 'workers',
    phpFpm: 'clear_env',
  }),
  env: setting(environment, {
    default: {},
    description:
      'Variables of the workers. They are merged name by name with those of `extends` and [defaults].',
    applies: 'workers',
    phpFpm: 'env[NAME]',
  }),
  env_files: setting(paths, {
    default: [],
    description:
      "Files with KEY=VALUE lines, like systemd's EnvironmentFile. `env` overrides them. Commands that print the configuration mask these values.",
    applies: 'workers',
  }),
  pass_env: setting(variableNames, {
    default: [],
    description: "Names of variables that workers inherit from the supervisor's environment.",
    applies: 'workers',
  }),
  rlimit_files: setting(countLimit, {
    ...inherited,
    description:
      'Maximum number of open files of a worker (RLIMIT_NOFILE), soft and hard limit. If it is not set, workers inherit the soft limit, and the hard limit up to 65536.',
    phpFpm: 'rlimit_files',
    unit: 'descriptors',
  }),
  rlimit_core: setting(sizeLimit, {
    ...inherited,
    description: 'Maximum size of a core dump (RLIMIT_CORE).',
    phpFpm: 'rlimit_core',
  }),
  rlimit_nproc: setting(countLimit, {
    ...inherited,
    description: "Maximum number of processes and threads of the worker's user (RLIMIT_NPROC).",
    unit: 'processes',
  }),
  rlimit_as: setting(sizeLimit, {
    ...inherited,
    description: 'Maximum address space of a worker (RLIMIT_AS).',
  }),
  rlimit_memlock: setting(sizeLimit, {
    ...inherited,
    description: 'Maximum memory that a worker may lock (RLIMIT_MEMLOCK).',
  }),
};
