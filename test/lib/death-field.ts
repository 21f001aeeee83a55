/** A daemon with a mortal supervisor, pools on Unix and TCP sockets under load, and what can be done to them. */
import { existsSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ConnectAddress } from '../../src/client/pool-target.ts';
import { askPool, unixSocket } from './ask-pool.ts';
import { compileFixture } from './compile.ts';
import { type Mortal, type Step, startMortal } from './mortal.ts';
import type { Place } from './place.ts';
import { type PoolKeys, poolText } from './pools.ts';
import { freePort } from './ports.ts';
import { poolOf } from './status.ts';

/** Something that is done to a daemon, from a state that `prepare` brings about. */
export interface Operation {
  readonly name: string;
  prepare(): Promise<void>;
  run(): Promise<unknown>;
  /** Where the supervisor is killed when there is no time for all steps: those with the most to lose. */
  readonly steps: readonly Step[];
}

export interface DeathField {
  readonly mortal: Mortal;
  readonly ports: readonly number[];
  readonly operations: readonly Operation[];
  /** What clients complain of so far, who ask one after another with a short pause. */
  failures(): readonly string[];
}

interface Client {
  /** Where the pool may be found. */
  readonly addresses: readonly ConnectAddress[];
  readonly pool: string;
}

const before = (request: string, skip = 0): Step => ({ request, skip, when: 'before' });
const after = (request: string, skip = 0): Step => ({ request, skip, when: 'after' });

const CLIENTS = 2;
const PAUSE_MS = 5;

export async function openDeathField(place: Place): Promise<DeathField> {
  const program = await compileFixture('storm', ['-pthread']);
  const graceful = await compileFixture('hello');
  const run = join(place.dir, 'daemon', 'run');
  const ports = [await freePort(), await freePort()];
  const unix = ['a.sock', 'moved.sock'].map(name => join(run, name));
  const tcp = ports.map(port => `127.0.0.1:${port}`);
  const common: PoolKeys = { command: [program, '--delay-ms=5'] };
  let mark = 0;
  const texts = (keys: { readonly a?: PoolKeys; readonly b?: PoolKeys } = {}): Record<string, string> => ({
    a: `${poolText({ ...common, 'listen.address': unix[0], ...keys.a })}env = { MARK = "${mark}" }\n`,
    b: `${poolText({ ...common, 'listen.address': tcp[0], ...keys.b })}env = { MARK = "${mark}" }\n`,
    d: poolText({ command: [graceful], 'listen.address': join(run, 'd.sock'), stop_is_graceful: true }),
  });
  const mortal = await startMortal(place, {
    pools: texts(),
    // Whose keeper is not its parent takes it for a stranger.
    expectedLog: [/"event":"reloadFailed"/, /fpm-ts: keeper.* is not a worker and continues/],
  });
  const { daemon } = mortal;
  const write = (files: Record<string, string>): void => {
    for (const [name, text] of Object.entries(files))
      writeFileSync(join(daemon.poolsDir, `${name}.toml`), text);
  };
  const reload = (args: object = {}): Promise<unknown> => mortal.post('reload', args);
  const address = async (pool: string): Promise<string> => poolOf(await daemon.status(), pool).listen.address;
  const nothing = async (): Promise<void> => {};
  const added = poolText({ ...common, 'listen.address': join(run, 'added.sock') });
  /** A name of its own each time: the counters of a pool begin with it. */
  let additions = 0;
  const addedFile = (): string => join(daemon.poolsDir, `c${additions}.toml`);

  const clients: Client[] = [
    { pool: 'a', addresses: unix.map(unixSocket) },
    { pool: 'b', addresses: ports.map(port => ({ type: 'tcp', host: '127.0.0.1', port }) as const) },
  ];
  const failures: string[] = [];
  let isEnding = false;
  let unserved: string | undefined;
  let asked = 0;
  const client = async ({ pool, addresses }: Client): Promise<void> => {
    let [here, other] = addresses as readonly [ConnectAddress, ConnectAddress];
    while (!isEnding) {
      const refusals: string[] = [];
      // Who moves with the pool goes elsewhere only when the address was given up; twice, because it may come back.
      for (let tries = 0; tries < 4; tries++) {
        const n = ++asked;
        const body = await askPool(here, { query: `n=${n}` }).catch(String);
        if (body.endsWith(` ${n}\n`)) break;
        if (!/ECONNREFUSED|ENOENT/.test(body)) failures.push(`${pool}: ${body}`);
        else {
          refusals.push(body);
          [here, other] = [other, here];
        }
      }
      if (refusals.length === 4 && unserved !== pool) failures.push(`${pool}: ${refusals.join('; ')}`);
      await new Promise(resolve => setTimeout(resolve, PAUSE_MS));
    }
  };
  const all = Promise.all(clients.flatMap(it => Array.from({ length: CLIENTS }, () => client(it))));
  place.defer(async () => {
    isEnding = true;
    await all;
  });

  const operations: Operation[] = [
    {
      name: 'reload',
      steps: [
        before('spawn'),
        after('note pool'),
        before('publish', 1),
        after('tag draining'),
        after('note config'),
      ],
      async prepare() {
        mark++;
        const [a, b] = [await address('a'), await address('b')];
        write(texts({ a: { 'listen.address': a }, b: { 'listen.address': b } }));
      },
      run: () => reload(),
    },
    {
      name: 'move',
      steps: [before('listen'), after('note pool'), before('refuse'), after('refuse')],
      async prepare() {
        const other = (here: string, both: readonly string[]): string => both.find(it => it !== here) ?? here;
        const [a, b] = [other(await address('a'), unix), other(await address('b'), tcp)];
        write(texts({ a: { 'listen.address': a }, b: { 'listen.address': b } }));
      },
      run: () => reload(),
    },
    {
      name: 'add a pool',
      steps: [after('listen'), before('note config')],
      async prepare() {
        rmSync(addedFile(), { force: true });
        await reload({ changed: true });
        additions++;
        writeFileSync(addedFile(), added);
      },
      run: () => reload({ changed: true }),
    },
    {
      name: 'remove a pool',
      steps: [after('note pool'), after('refuse'), before('unlisten')],
      async prepare() {
        if (!existsSync(addedFile())) additions++;
        writeFileSync(addedFile(), added);
        await reload({ changed: true });
        rmSync(addedFile());
      },
      run: () => reload({ changed: true }),
    },
    {
      name: 'change a size',
      steps: [after('note pool')],
      async prepare() {
        const { pm, listen } = poolOf(await daemon.status(), 'a');
        const size = pm.max_children === 2 ? 3 : 2;
        const b = await address('b');
        write(
          texts({
            a: { 'listen.address': listen.address, 'pm.max_children': size },
            b: { 'listen.address': b },
          }),
        );
      },
      run: () => reload({ changed: true }),
    },
    {
      name: 'scale up',
      steps: [after('spawn')],
      prepare: async () => void (await mortal.post('scale', { pool: 'a', workers: 2, force: true })),
      run: () => mortal.post('scale', { pool: 'a', workers: 4, force: true }),
    },
    {
      name: 'scale down',
      steps: [after('freeze'), after('tag draining'), after('release kill'), before('tag leaving')],
      prepare: async () => void (await mortal.post('scale', { pool: 'a', workers: 4, force: true })),
      run: () => mortal.post('scale', { pool: 'a', workers: 2, force: true }),
    },
    {
      name: 'scale down, told',
      steps: [after('signal')],
      prepare: async () => void (await mortal.post('scale', { pool: 'd', workers: 4, force: true })),
      run: () => mortal.post('scale', { pool: 'd', workers: 2, force: true }),
    },
    {
      name: 'stop a pool',
      steps: [after('note pool'), after('refuse'), after('unlisten')],
      prepare: async () => void (await mortal.post('start', { pools: ['b'] })),
      async run() {
        unserved = 'b';
        await mortal.post('stop', { pools: ['b'] });
      },
    },
    {
      name: 'start a pool',
      steps: [after('listen')],
      async prepare() {
        unserved = 'b';
        await mortal.post('stop', { pools: ['b'] });
      },
      run: () => mortal.post('start', { pools: ['b'] }),
    },
    {
      name: 'a worker ends',
      steps: [before('tag leaving'), before('acknowledge'), after('acknowledge')],
      prepare: nothing,
      async run() {
        const [worker] = poolOf(await daemon.status(), 'd').processes;
        if (worker !== undefined) process.kill(worker.pid, 'SIGTERM');
      },
    },
    {
      name: 'reopen logs',
      steps: [after('reopenLogs')],
      prepare: nothing,
      run: () => mortal.post('reopen-logs', {}),
    },
  ];
  return { mortal, ports, operations, failures: () => failures };
}
