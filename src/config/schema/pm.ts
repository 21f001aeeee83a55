/** The settings under `pm` and `process` of a pool: how many workers, and how long each lives. */
import { count, duration, oneOf, percent, size, truth } from './kinds.ts';
import { setting } from './setting.ts';

export const pmSettings = {
  mode: setting(oneOf('static', 'dynamic', 'ondemand'), {
    isPlain: true,
    example: '"static"',
    standIn: 'static',
    description:
      'How the number of workers depends on the load. If no other key of `pm` is set, it may be written as `pm = "..."`.',
    applies: 'live',
    phpFpm: 'pm',
  }),
  max_children: setting(count(1, 100_000), {
    example: '4',
    standIn: 1,
    description: 'The number of workers of a static pool, and the maximum of the other modes.',
    applies: 'live',
    phpFpm: 'pm.max_children',
    unit: 'workers',
  }),
  start_servers: setting(count(0, 100_000), {
    description: 'Number of workers that a dynamic pool starts with.',
    allowed: 'a whole number between min_spare_servers and max_spare_servers',
    applies: 'live',
    phpFpm: 'pm.start_servers',
    unit: 'workers',
    computedDefault: 'min_spare_servers + (max_spare_servers - min_spare_servers) / 2',
  }),
  min_spare_servers: setting(count(1, 100_000), {
    computedDefault: 'none',
    example: '1',
    description:
      'Minimum number of idle workers of a dynamic pool: with fewer, it starts more. Required for "dynamic".',
    allowed: 'a whole number from 1 to max_spare_servers',
    applies: 'live',
    phpFpm: 'pm.min_spare_servers',
    unit: 'workers',
  }),
  max_spare_servers: setting(count(1, 100_000), {
    computedDefault: 'none',
    example: '3',
    description:
      'Maximum number of idle workers of a dynamic pool: with more, it retires some. Required for "dynamic".',
    allowed: 'a whole number from min_spare_servers to max_children',
    applies: 'live',
    phpFpm: 'pm.max_spare_servers',
    unit: 'workers',
  }),
  max_spawn_rate: setting(count(1, 100_000), {
    default: 128,
    description:
      'Maximum number of workers that a pool starts in any second. The first fill of a pool does not count.',
    applies: 'live',
    phpFpm: 'pm.max_spawn_rate',
    unit: 'workers a second',
  }),
  process_idle_timeout: setting(duration, {
    default: '10s',
    description:
      'How long an on-demand or dynamic pool remembers its peak demand. Workers that it needed within this time are not retired.',
    applies: 'live',
    phpFpm: 'pm.process_idle_timeout',
  }),
  max_requests: setting(count(0, 2_147_483_647), {
    default: 0,
    description:
      'Number of requests after which a worker is replaced; 0 means never. php-cgi counts its own requests. For other programs, the setting needs the broker.',
    allowed: 'a whole number, 0 for never',
    applies: 'workers',
    phpFpm: 'pm.max_requests',
    unit: 'requests',
  }),
  max_memory: setting(size, {
    default: '0',
    description:
      'A worker that uses more than this is replaced, with its children; 0 disables the limit. Anonymous memory and swap of the worker and its children count. They are measured every 5 seconds, and up to twice a second while they grow.',
    applies: 'live',
  }),
  max_lifetime: setting(duration, {
    default: 0,
    description: 'Age at which a worker is replaced; 0 disables the limit.',
    applies: 'live',
  }),
  max_lifetime_jitter: setting(percent, {
    default: '10%',
    description:
      'Part of `pm.max_lifetime` by which a worker may be replaced earlier, so that workers are not all replaced at the same time.',
    applies: 'live',
  }),
  worker_concurrency: setting(count(1, 65_536), {
    default: 1,
    description:
      'Number of connections that one worker serves at the same time, such as its threads or PHP_FCGI_CHILDREN.',
    applies: 'live',
    unit: 'connections',
  }),
};

export const processSettings = {
  priority: setting(count(-20, 19), {
    default: 0,
    description: 'nice value of the workers. A value below 0 needs the right to raise the priority.',
    applies: 'workers',
    phpFpm: 'process.priority',
  }),
  oom_score_adj: setting(count(-1000, 1000), {
    default: 0,
    description:
      'Likelihood that the kernel kills a worker when memory runs out; a higher value makes it more likely.',
    applies: 'workers',
  }),
  no_new_privileges: setting(truth, {
    default: false,
    description:
      'Workers cannot gain privileges by executing a program. Setgid helpers, such as those for mail, then fail.',
    applies: 'workers',
  }),
};
