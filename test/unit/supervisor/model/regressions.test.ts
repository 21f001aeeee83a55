/**
 * What the model has found, each as the shortest story that shows it. Two of them were not seen to fail alone: the stop
 * while a generation is being published, and the worker that accepts after the last look before start_timeout.
 */
import { test } from 'node:test';
import { type Operation, play } from './operations.ts';
import type { PoolShape } from './settings.ts';

const STATIC: PoolShape = {
  kind: 'tcp',
  mode: 'static',
  isGraceful: false,
  maxChildren: 1,
  place: 0,
  release: 0,
  idleTimeoutMs: 2000,
};
const ON_DEMAND: PoolShape = { ...STATIC, mode: 'ondemand' };

const RELOAD: Operation = { do: 'reload', pools: null, changed: false };
const STOP: Operation = { do: 'stop', pool: 'a', now: false };

const STORIES: Readonly<Record<string, readonly [readonly PoolShape[], readonly Operation[]]>> = {
  'a reload is done when the keeper has published the new generation, and not before': [[STATIC], [RELOAD]],
  'a publication that fails cancels the reload, and the old generation serves': [
    [{ ...STATIC, kind: 'unix' }],
    [{ do: 'fail', what: 'publish', times: 1 }, RELOAD],
  ],
  'a stop while the new generation is being published closes both listeners': [
    [STATIC],
    [{ do: 'latency', askMs: 60, answerMs: 60 }, RELOAD, { do: 'pass', ms: 250 }, STOP],
  ],
  'a reload that comes while a successor opens its listeners waits for them': [
    [STATIC],
    [{ do: 'latency', askMs: 0, answerMs: 60 }, { do: 'supervisor dies', heard: 0 }, RELOAD],
  ],
  'a stop that comes while a successor opens its listeners comes back': [
    [STATIC],
    [{ do: 'latency', askMs: 0, answerMs: 60 }, { do: 'supervisor dies', heard: 0 }, RELOAD, STOP],
  ],
  'a reload that waits while a lost listener is replaced is the newer generation all the same': [
    [STATIC],
    [
      { do: 'edit', pool: 'a', change: { release: 1 } },
      { do: 'keeper dies', isAllowed: false },
    ],
  ],
  'a stop while a lost listener is being replaced forgets neither': [
    [STATIC],
    [{ do: 'latency', askMs: 60, answerMs: 60 }, { do: 'keeper dies', isAllowed: false }, STOP],
  ],
  'a lost listener that could not be replaced at once is replaced later': [
    [STATIC, ON_DEMAND],
    [
      { do: 'fail', what: 'listen', times: 1 },
      { do: 'clients', pool: 'b', count: 1, serveMs: 20 },
      { do: 'keeper dies', isAllowed: false },
    ],
  ],
  'a pool on demand is not failed for ever because one worker never accepted': [
    [STATIC, ON_DEMAND],
    [
      { do: 'program', pool: 'b', program: { fate: 'never accepts' } },
      { do: 'clients', pool: 'b', count: 1, serveMs: 20 },
    ],
  ],
  'a pool that is starting is removed all the same': [
    [{ ...STATIC, kind: 'none' }],
    [{ do: 'remove', pool: 'a' }, RELOAD],
  ],
  'a reload says which pools were stopped while it waited': [
    [STATIC],
    [RELOAD, { do: 'reload', pools: ['a'], changed: true }, RELOAD, STOP],
  ],
  'what is asked of a listener in the moment in which it is opened comes after that': [
    [{ ...ON_DEMAND, kind: 'systemd' }, STATIC],
    [{ do: 'latency', askMs: 3, answerMs: 0 }, RELOAD, STOP],
  ],
  'a worker that accepts since the last look is not killed by start_timeout': [
    [STATIC],
    [
      { do: 'latency', askMs: 0, answerMs: 3 },
      { do: 'keeper dies', isAllowed: false },
      { do: 'program', pool: 'a', program: { bootMs: 1500 } },
      { do: 'latency', askMs: 0, answerMs: 60 },
      { do: 'pass', ms: 500 },
      { do: 'clients', pool: 'a', count: 1, serveMs: 2000 },
    ],
  ],
};

for (const [name, [pools, operations]] of Object.entries(STORIES))
  void test(name, () => play({ pools, missing: 0, isObstructed: false, operations }));
