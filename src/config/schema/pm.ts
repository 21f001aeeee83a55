/** The settings under `pm` and `process` of a pool: how many workers, and how long each lives. */
import { count, duration, oneOf, percent, size, truth } from './kinds.ts';
import { setting } from './setting.ts';

export const pmSettings = {
  mode: setting(oneOf('static', 'dynamic', 'ondemand'), {
    isPlain: true,
    example: '"static"',
    standIn: 'static',
    description:
      'How the number of workers follows the load. May be written as plain `pm = "..."` where no other key of `pm` is set.',
    applies: 'live',
    phpFpm: 'pm',
  }),
  max_children: setting(count(1, 100_000), {
    example: '4',
    standIn: 1,
    description: 'The number of workers of a static pool, the most that the other modes start.',
    applies: 'live',
    phpFpm: 'pm.max_children',
    unit: 'workers',
  }),
  start_servers: setting(count(0, 100_000), {
    description: 'Workers that a dynamic pool starts with.',
    allowed: 'a whole number between min_spare_servers and max_spare_servers',
    applies: 'live',
    phpFpm: 'pm.start_servers',
    unit: 'workers',
    computedDefault: 'min + (max - min) / 2 of the spare servers',
  }),
  min_spare_servers: setting(count(1, 100_000), {
    computedDefault: 'none',
    example: '1',
    description: 'Idle workers below which a dynamic pool starts more. Required when dynamic.',
    allowed: 'a whole number from 1 to max_spare_servers',
    applies: 'live',
    phpFpm: 'pm.min_spare_servers',
    unit: 'workers',
  }),
  max_spare_servers: setting(count(1, 100_000), {
    computedDefault: 'none',
    example: '3',
    description: 'Idle workers above which a dynamic pool retires some. Required when dynamic.',
    allowed: 'a whole number from min_spare_servers to max_children',
    applies: 'live',
    phpFpm: 'pm.max_spare_servers',
    unit: 'workers',
  }),
  max_spawn_rate: setting(count(1, 100_000), {
    default: 128,
    description: 'The most workers started in any second; the first fill of a pool is not counted.',
    applies: 'live',
    phpFpm: 'pm.max_spawn_rate',
    unit: 'workers a second',
  }),
  process_idle_timeout: setting(duration, {
    default: '10s',
    description:
      'How far back an on-demand or dynamic pool remembers its peak demand: workers that it needed within this time are not retired.',
    applies: 'live',
    phpFpm: 'pm.process_idle_timeout',
  }),
  max_requests: setting(count(0, 2_147_483_647), {
    default: 0,
    description:
      'Requests after which a worker is replaced; 0 is never. php-cgi counts for itself; for other programs it needs the broker, which counts.',
    allowed: 'a whole number, 0 for never',
    applies: 'workers',
    phpFpm: 'pm.max_requests',
    unit: 'requests',
  }),
  max_memory: setting(size, {
    default: '0',
    description:
      'Anonymous memory and swap of a worker and its children above which it is replaced; 0 is off. Measured every 5 seconds, and up to twice a second while it grows.',
    applies: 'live',
  }),
  max_lifetime: setting(duration, {
    default: 0,
    description: 'Age at which a worker is replaced; 0 is off.',
    applies: 'live',
  }),
  max_lifetime_jitter: setting(percent, {
    default: '10%',
    description:
      'By up to how much of `pm.max_lifetime` a worker is replaced earlier, so that not all are replaced together.',
    applies: 'live',
  }),
  worker_concurrency: setting(count(1, 65_536), {
    default: 1,
    description: 'Connections that one worker serves at a time: its threads, or PHP_FCGI_CHILDREN.',
    applies: 'live',
    unit: 'connections',
  }),
};

export const processSettings = {
  priority: setting(count(-20, 19), {
    default: 0,
    description: 'nice value of the workers; below 0 needs the right to raise priority.',
    applies: 'workers',
    phpFpm: 'process.priority',
  }),
  oom_score_adj: setting(count(-1000, 1000), {
    default: 0,
    description: 'How readily the kernel ends a worker when memory runs out.',
    applies: 'workers',
  }),
  no_new_privileges: setting(truth, {
    default: false,
    description: 'Workers cannot gain privileges by executing a program; breaks setgid helpers such as mail.',
    applies: 'workers',
  }),
};
