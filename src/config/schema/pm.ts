/** The keys under `pm` and `process` of a pool: how many workers, and how long each lives. */
import * as z from 'zod';
import { DURATION_FORMS, duration, percent, SIZE_FORMS, size } from './kinds.ts';
import { key } from './meta.ts';

const workers = z.int().min(0).max(100_000);

export const pmKeys = {
  mode: key(z.enum(['static', 'dynamic', 'ondemand']), {
    description:
      'How the number of workers follows the load. May be written as plain `pm = "..."` where no other key of `pm` is set.',
    allowed: '"static", "dynamic" or "ondemand"',
    applies: 'live',
    phpFpm: 'pm',
  }),
  max_children: key(workers.min(1), {
    description: 'The number of workers of a static pool, the most that the other modes start.',
    allowed: 'a whole number from 1 to 100000',
    applies: 'live',
    phpFpm: 'pm.max_children',
    unit: 'workers',
  }),
  start_servers: key(workers.optional(), {
    description: 'Workers that a dynamic pool starts with.',
    allowed: 'a whole number between min_spare_servers and max_spare_servers',
    applies: 'live',
    phpFpm: 'pm.start_servers',
    unit: 'workers',
    computedDefault: 'min + (max - min) / 2 of the spare servers',
  }),
  min_spare_servers: key(workers.min(1).optional(), {
    description: 'Idle workers below which a dynamic pool starts more. Required when dynamic.',
    allowed: 'a whole number from 1 to max_spare_servers',
    applies: 'live',
    phpFpm: 'pm.min_spare_servers',
    unit: 'workers',
  }),
  max_spare_servers: key(workers.min(1).optional(), {
    description: 'Idle workers above which a dynamic pool retires some. Required when dynamic.',
    allowed: 'a whole number from min_spare_servers to max_children',
    applies: 'live',
    phpFpm: 'pm.max_spare_servers',
    unit: 'workers',
  }),
  max_spawn_rate: key(workers.min(1).prefault(128), {
    description: 'The most workers started in any second; the first fill of a pool is not counted.',
    allowed: 'a whole number from 1 to 100000',
    applies: 'live',
    phpFpm: 'pm.max_spawn_rate',
    unit: 'workers a second',
  }),
  process_idle_timeout: key(duration.prefault('10s'), {
    description:
      'How far back an on-demand or dynamic pool remembers its peak demand: workers that it needed within this time are not retired.',
    allowed: DURATION_FORMS,
    applies: 'live',
    phpFpm: 'pm.process_idle_timeout',
  }),
  max_requests: key(z.int().min(0).max(2_147_483_647).prefault(0), {
    description:
      'Requests after which a worker is replaced; 0 is never. php-cgi counts for itself; for other programs it needs the broker, which counts.',
    allowed: 'a whole number, 0 for never',
    applies: 'workers',
    phpFpm: 'pm.max_requests',
    unit: 'requests',
  }),
  max_memory: key(size.prefault('0'), {
    description:
      'Anonymous memory and swap of a worker and its children above which it is replaced; 0 is off. Measured every 5 seconds, and up to twice a second while it grows.',
    allowed: SIZE_FORMS,
    applies: 'live',
  }),
  max_lifetime: key(duration.prefault(0), {
    description: 'Age at which a worker is replaced; 0 is off.',
    allowed: DURATION_FORMS,
    applies: 'live',
  }),
  max_lifetime_jitter: key(percent.prefault('10%'), {
    description:
      'By up to how much of `pm.max_lifetime` a worker is replaced earlier, so that not all are replaced together.',
    allowed: 'a percentage such as "10%"',
    applies: 'live',
  }),
  worker_concurrency: key(z.int().min(1).max(65_536).prefault(1), {
    description: 'Connections that one worker serves at a time: its threads, or PHP_FCGI_CHILDREN.',
    allowed: 'a whole number from 1 to 65536',
    applies: 'live',
    unit: 'connections',
  }),
};

export const processKeys = {
  priority: key(z.int().min(-20).max(19).prefault(0), {
    description: 'nice value of the workers; below 0 needs the right to raise priority.',
    allowed: 'a whole number from -20 to 19',
    applies: 'workers',
    phpFpm: 'process.priority',
  }),
  oom_score_adj: key(z.int().min(-1000).max(1000).prefault(0), {
    description: 'How readily the kernel ends a worker when memory runs out.',
    allowed: 'a whole number from -1000 to 1000',
    applies: 'workers',
  }),
  no_new_privileges: key(z.boolean().prefault(false), {
    description: 'Workers cannot gain privileges by executing a program; breaks setgid helpers such as mail.',
    allowed: 'true or false',
    applies: 'workers',
  }),
};
