/**
 * packaging/oci without a container engine: the files that its last stage copies, laid out as it says in a private
 * root, and its command as pid 1 of a pid namespace.
 */
import assert from 'node:assert/strict';
import { cpSync, mkdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { CommandResult } from '../lib/command.ts';
import { copyPackages } from '../lib/installed.ts';
import { REPOSITORY } from '../lib/paths.ts';
import { until } from '../lib/poll.ts';
import { openPrivateRoot } from '../lib/private-root.ts';
import type { Status } from '../lib/status.ts';
import { suite } from '../lib/suite.ts';

interface Recipe {
  readonly copies: readonly { readonly from: string; readonly to: string; readonly isBuilt: boolean }[];
  readonly command: readonly string[];
  readonly volumes: readonly string[];
}

/** The last stage of a Containerfile as simple as ours. */
function readRecipe(): Recipe {
  const text = readFileSync(join(REPOSITORY, 'packaging/oci/Containerfile'), 'utf8');
  const stage = text.slice(text.lastIndexOf('\nFROM '));
  const words = (name: string): string[] => {
    const found = new RegExp(`^${name} (\\[.*\\])$`, 'm').exec(stage)?.[1];
    assert.ok(found !== undefined, name);
    return JSON.parse(found) as string[];
  };
  return {
    copies: [...stage.matchAll(/^COPY (--from=build )?(\S+) (\S+)$/gm)].map(([, built, from, to]) => ({
      from: from ?? '',
      to: to ?? '',
      isBuilt: built !== undefined,
    })),
    command: [...words('ENTRYPOINT'), ...words('CMD')],
    volumes: [...stage.matchAll(/^VOLUME (\S+)$/gm)].map(([, path]) => path ?? ''),
  };
}

/** What the first stage leaves where: the sources in /src, built and with the packages that run; Node in /usr/local. */
function place(from: string, target: string): void {
  if (from === '/usr/local/bin/node') cpSync(process.execPath, target);
  else if (from === '/src/node_modules') copyPackages(dirname(target));
  else cpSync(join(REPOSITORY, from.replace(/^\/src\//, '')), target, { recursive: true });
}

const POOL = `command = ["\${node}", "/usr/lib/fpm-ts/dist/responders/hello.js"]
user = "www-data"
stop_is_graceful = true
listen.address = "\${run_dir}/hello.sock"
pm.mode = "static"
pm.max_children = 1
`;

suite('root/container', { root: true, needs: ['unshare'] }, async scope => {
  const root = await openPrivateRoot(scope);
  const recipe = readRecipe();
  const layout = join(root.shared, 'layout');
  for (const { from, to } of recipe.copies) {
    const target = join(layout, to);
    mkdirSync(dirname(target), { recursive: true });
    place(from, target);
  }
  const good = async (...command: [string, ...string[]]): Promise<CommandResult> => {
    const result = await root.run(...command);
    assert.equal(result.code, 0, `${command.join(' ')}\n${result.stdout}${result.stderr}`);
    return result;
  };
  await good('cp', '--recursive', '--preserve=mode', `${layout}/.`, '/');
  await good('mkdir', '-p', ...recipe.volumes);
  await good('sh', '-c', 'printf %s "$1" >/etc/fpm-ts/pools.d/hello.toml', 'sh', POOL);

  const ended = root.run('unshare', '--pid', '--fork', '--kill-child', '--mount-proc', ...recipe.command);
  const status = await until(
    async () => {
      const { code, stdout } = await root.run('fpm-ts', 'status', '--json', '--check');
      const seen = code === 0 ? (JSON.parse(stdout) as Status) : undefined;
      return seen?.state === 'running' && seen;
    },
    { what: 'the container to run', deadlineMs: 30_000 },
  );

  /** By its number outside. */
  const keeper = async (): Promise<string> => {
    const { stdout } = await good('ps', '-e', '-o', 'pid=,args=');
    return /^ *(\d+) fpm-ts: keeper\b/m.exec(stdout)?.[1] ?? assert.fail(stdout);
  };

  await scope.test('the keeper is pid 1, on the Node of the image', async () => {
    assert.equal(status.pid, 1);
    const { stdout } = await good('readlink', `/proc/${await keeper()}/exe`);
    assert.match(stdout, /\/usr\/lib\/fpm-ts\/bin\/node$/m);
  });

  await scope.test('a socket in the volume serves', async () => {
    await good('test', '-S', '/run/fpm-ts/hello.sock');
    assert.match((await good('fpm-ts', 'request', 'hello', '/')).stdout, /^Hello from worker/);
  });

  await scope.test('nothing is written but into the volume', async () => {
    const before = await root.changes();
    await good('fpm-ts', 'reload');
    assert.deepEqual(await root.changes(), before);
  });

  await scope.test(
    'SIGTERM to pid 1, as a stop of the container, ends everything; the log was JSON on stderr',
    async () => {
      await good('kill', '-TERM', await keeper());
      const { code, stderr } = await ended;
      assert.equal(code, 0, stderr);
      const records = stderr
        .trim()
        .split('\n')
        .map(line => JSON.parse(line) as { readonly msg?: string });
      assert.ok(
        records.some(({ msg }) => /stopp/.test(msg ?? '')),
        stderr,
      );
    },
  );
});
