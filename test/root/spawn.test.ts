/** `fpm-ts spawn` beside the real spawn-fcgi: the same command lines as root, compared from outside. */
import assert from 'node:assert/strict';
import { chmodSync, chownSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ConnectAddress } from '../../src/client/pool-target.ts';
import { compileFixture } from '../lib/compile.ts';
import { jailed } from '../lib/jail.ts';
import { freePort } from '../lib/ports.ts';
import { descendants } from '../lib/processes.ts';
import {
  directoriesFor,
  endSpawned,
  type Facts,
  factsOf,
  KINDS,
  type Kind,
  runSpawn,
  type Spawned,
} from '../lib/spawn.ts';
import { suite } from '../lib/suite.ts';

/** A terminal of root's. */
const ENV = {
  PATH: process.env.PATH,
  HOME: '/root',
  USER: 'root',
  LOGNAME: 'root',
  LANG: 'C.UTF-8',
  APP_ENV: 'a $value with "quotes" and a \\',
  _: '/usr/bin/env',
};

interface Row {
  readonly args: readonly string[];
  readonly umask?: string;
  readonly fill?: (dir: string) => void;
  /** Below the directory; null: `address`. */
  readonly socket?: string | null;
  readonly address?: ConnectAddress;
}

type Seen = Facts & { readonly spawned: Spawned };

suite('root/spawn', {
  root: true,
  needs: ['gcc', 'libfcgi', 'spawn-fcgi', 'ss'],
  timeoutMs: 300_000,
}, async scope => {
  const program = await compileFixture('inspect');

  let number = 0;
  async function see(row: Row): Promise<Readonly<Record<Kind, Seen>>> {
    const { args, umask = '022', fill, socket = 'app.sock', address } = row;
    const dirs = directoriesFor(scope, String(++number), fill);
    const found = new Map<Kind, Seen>();
    for (const kind of KINDS) {
      const spawned = await runSpawn(scope, kind, dirs[kind], args, { env: ENV, umask });
      found.set(kind, { ...(await factsOf(spawned, socket, address)), spawned });
      await endSpawned(spawned); // an address may be wanted by the other one, too
    }
    return Object.fromEntries(found) as Record<Kind, Seen>;
  }

  /** Everything that should be the same. */
  function comparable({ spawned, inspection, ...rest }: Seen): object {
    const { pid, pgid, sid, argv, groups, environment, cwd, root, descriptors, ...same } = inspection;
    const here = (text: string): string => text.replace(spawned.dir, '.');
    return {
      ...rest,
      ...same,
      leads: [pid === pgid, pid === sid],
      groups: groups.toSorted((a, b) => a - b),
      // A shell sets PWD, and the one that changes the directory of a jail removes it.
      environment: environment.filter(it => !it.startsWith('PWD=')).toSorted(),
      cwd: here(cwd),
      root: root.toSorted(),
      descriptors: descriptors.filter(it => it <= 2),
      arguments: argv.slice(1),
    };
  }

  const app = ['--', program, 'one', 'two words', '$HOME', ''];
  const jail = join(scope.dir, 'jail');
  mkdirSync(join(jail, 'inside'), { recursive: true });
  jailed(jail, program, '/app/inspect');
  jailed(jail, '/bin/sh', '/bin/sh');
  mkdirSync(join(jail, 'dev'));
  // Without it, spawn-fcgi leaves the caller's output to its children.
  writeFileSync(join(jail, 'dev/null'), '');
  chmodSync(join(jail, 'dev/null'), 0o666);
  const port = String(await freePort());

  const rows: Readonly<Record<string, Row>> = {
    'a socket and nothing else, in a narrow umask': { args: ['-s', 'app.sock', ...app], umask: '0027' },
    'an umask that closes all, and a negative backlog': {
      args: ['-s', 'app.sock', '-b', '-1', ...app],
      umask: '0777',
    },
    'a user, a pid file, a mode, a backlog, children of PHP': {
      args: ['-s', 'app.sock', '-u', 'www-data', '-P', 'app.pid', '-M', '600', '-b', '77', '-C', '3', ...app],
    },
    'options in one word and behind the program, a directory, a mode wider than the umask': {
      args: [program, '-sapp.sock', '-u33', '-F1', 'one', '-M0777', '-dinside'],
      umask: '077',
      fill: dir => {
        mkdirSync(join(dir, 'inside'));
        for (const it of [dir, join(dir, 'inside')]) chmodSync(it, 0o755);
      },
    },
    'another group, another owner and group of the socket': {
      args: ['-s', 'app.sock', '-u', 'www-data', '-g', 'daemon', '-U', 'nobody', '-G', 'adm', ...app],
    },
    'a uid that nobody has; the owner of the socket brings its group': {
      args: ['-s', 'app.sock', '-u', '61099', '-g', '61098', '-U', 'daemon', ...app],
    },
    'workers of root, the socket for a web server': {
      args: ['-s', 'app.sock', '-U', 'www-data', '-G', '61001', ...app],
    },
    'a command for a shell': {
      args: ['-s', 'app.sock', '-u', 'www-data', '-f', `${program} one 'two words' "$HOME" $((1 + 1))`],
    },
    'a directory that gives its group, and a command that the program takes the place of': {
      args: ['-s', 'shared/app.sock', '-f', '/bin/false', ...app],
      socket: 'shared/app.sock',
      fill: dir => {
        mkdirSync(join(dir, 'shared'));
        chownSync(join(dir, 'shared'), 0, 1);
        chmodSync(join(dir, 'shared'), 0o2775);
      },
    },
    'a jail': {
      args: ['-c', jail, '-s', '/app.sock', '-u', 'www-data', '--', '/app/inspect'],
      socket: null,
      address: { type: 'unix', path: join(jail, 'app.sock') },
    },
    'a jail with a directory in it, and the socket outside': {
      args: [
        '-c',
        '../../jail',
        '-S',
        '-s',
        'app.sock',
        '-d',
        'inside',
        '-u',
        'www-data',
        '--',
        '../app/inspect',
      ],
    },
    'IPv4 on all addresses': {
      args: ['-p', port, ...app],
      socket: null,
      address: { type: 'tcp', host: '127.0.0.1', port: Number(port) },
    },
    'an address of IPv6': {
      args: ['-a', '::1', '-p', port, '-u', 'www-data', ...app],
      socket: null,
      address: { type: 'tcp', host: '::1', port: Number(port) },
    },
  };
  for (const [name, row] of Object.entries(rows)) {
    await scope.test(`${name}: as spawn-fcgi does it`, async () => {
      const seen = await see(row);
      assert.deepEqual(comparable(seen['fpm-ts']), comparable(seen['spawn-fcgi']));
    });
  }

  const inspections = (seen: Readonly<Record<Kind, Seen>>): [Seen['inspection'], Seen['inspection']] => [
    seen['spawn-fcgi'].inspection,
    seen['fpm-ts'].inspection,
  ];

  await scope.test(
    'other than spawn-fcgi: one pid for all of them, which ends them, and a file that goes with it',
    async () => {
      const args = ['-s', 'app.sock', '-P', 'app.pid', '-F', '3', ...app];
      const dirs = directoriesFor(scope, 'several');
      const [real, ours] = [
        await runSpawn(scope, 'spawn-fcgi', dirs['spawn-fcgi'], args, { env: ENV }),
        await runSpawn(scope, 'fpm-ts', dirs['fpm-ts'], args, { env: ENV }),
      ];
      assert.deepEqual([real.pids.length, ours.pids.length], [3, 1]);
      const [keeper = 0] = ours.pids;
      assert.equal(readFileSync(join(real.dir, 'app.pid'), 'utf8'), real.pids.join('\n'));
      assert.equal(readFileSync(join(ours.dir, 'app.pid'), 'utf8'), `${keeper}\n`);
      assert.equal(descendants(keeper).filter(({ name }) => name.startsWith('inspect')).length, 3);
      for (const it of [real, ours]) await endSpawned(it);
      const left = (dir: string): string[] => readdirSync(dir).toSorted();
      assert.deepEqual([left(real.dir), left(ours.dir)], [['app.pid', 'app.sock'], []]);
    },
  );

  await scope.test('other than spawn-fcgi: nobody is put where he may not be', async () => {
    const fill = (dir: string): void => chmodSync(dir, 0o700);
    const seen = await see({ args: ['-s', 'app.sock', '-u', 'www-data', ...app], fill });
    const [real, ours] = inspections(seen);
    assert.deepEqual([real.cwd, ours.cwd], [seen['spawn-fcgi'].spawned.dir, '/']);
  });

  await scope.test('other than spawn-fcgi: a group without a user', async () => {
    const [real, ours] = inspections(await see({ args: ['-s', 'app.sock', '-g', 'daemon', ...app] }));
    assert.deepEqual([ours.uid, ours.gid], [real.uid, real.gid]);
    assert.deepEqual([real.groups.includes(1), ours.groups.includes(1)], [false, true]);
  });

  await scope.test('other than spawn-fcgi: variables that every worker has', async () => {
    const dirs = directoriesFor(scope, 'empty');
    const names = [];
    for (const kind of KINDS) {
      const spawned = await runSpawn(scope, kind, dirs[kind], ['-s', 'app.sock', '-u', 'www-data', ...app], {
        env: { PATH: process.env.PATH },
      });
      const { inspection } = await factsOf(spawned, 'app.sock');
      names.push(new Set(inspection.environment.map(it => it.split('=', 1)[0])));
      await endSpawned(spawned);
    }
    assert.deepEqual(names, [new Set(['PATH', 'PWD']), new Set(['HOME', 'LOGNAME', 'PATH', 'PWD', 'USER'])]);
  });
});
