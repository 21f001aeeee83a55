/** What scripts may use, how many run, and what is told when something is at its end. */
import assert from 'node:assert/strict';
import { existsSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { startCgiHost } from '../lib/cgi-host.ts';
import { until } from '../lib/poll.ts';
import { IS_ROOT, suite } from '../lib/suite.ts';

const sh = (...lines: readonly string[]): string => `#!/bin/sh\n${lines.join('\n')}\n`;
const HEAD = 'printf "Content-Type: text/plain\\n\\n"';

suite('integration/cgi-limits: of each script', { needs: ['python3'] }, async scope => {
  const host = await startCgiHost(scope, {
    args: ['--max-cpu-time', '1s', '--max-memory', '200M', '--max-file-size', '64K'],
  });

  await scope.test('CPU time', async () => {
    host.script('spins.sh', sh('while :; do :; done'));
    assert.equal((await host.ask('spins.sh')).status, 502);
    await host.said(/502: .*spins\.sh\[\d+\]: the answer is empty; ended by SIGXCPU \(--max-cpu-time\)/);
  });

  await scope.test('memory', async () => {
    const python =
      '#!/usr/bin/python3\nprint("A: b\\n")\ntry:\n x = bytearray(int(400e6))\nexcept MemoryError:\n print("refused")\n';
    host.script('eats.py', python);
    assert.equal((await host.ask('eats.py')).text, 'refused\n');
  });

  await scope.test('size of a file', async () => {
    const file = join(host.shared, 'large');
    host.script('writes.sh', sh(`exec head -c 1000000 /dev/zero > ${file}`));
    assert.equal((await host.ask('writes.sh')).status, 502);
    assert.equal(statSync(file).size, 65_536);
    await host.said(/502: .*writes\.sh\[\d+\]: the answer is empty; ended by SIGXFSZ \(--max-file-size\)/);
  });

  await scope.test('what the kernel does not run is not run by a shell either', async () => {
    host.script('text', `${HEAD}\n`);
    assert.equal((await host.ask('text')).status, 403);
    await host.said(/403: .*\/text is neither a program of this machine nor does it begin with #!/);
  });

  await scope.test('those within them do not notice; $0 is the script', async () => {
    host.script('hello.sh', sh(HEAD, 'echo "hello from $0"', 'head -1 "$0"'));
    assert.equal((await host.ask('hello.sh')).text, 'hello from /proc/self/fd/3\n#!/bin/sh\n');
  });
});

suite('integration/cgi-limits: how many', {}, async scope => {
  const host = await startCgiHost(scope, {
    args: ['--max-scripts', '3', '--max-per-script', '2', '--max-queue', '2'],
  });

  function gated(name: string): { readonly open: () => void } {
    const go = join(host.shared, `${name}.go`);
    host.script(name, sh(HEAD, `until [ -e ${go} ]; do sleep 0.01; done`, `echo ${name}`));
    return { open: () => writeFileSync(go, '') };
  }

  await scope.test('of one script, of all, and who waits; 503 with Retry-After for the rest', async () => {
    const a = gated('a.sh');
    const b = gated('b.sh');
    const running = (count: number): Promise<unknown> =>
      until(() => host.children().filter(it => it.endsWith('/proc/self/fd/3')).length === count, {
        what: `${count} scripts to run`,
        explain: () => host.children().join('\n'),
      });
    const first = [host.ask('a.sh'), host.ask('a.sh')];
    await running(2);
    const waiting = host.ask('a.sh');
    const other = host.ask('b.sh');
    await running(3);
    const last = host.ask('b.sh');
    const refused = await until(
      async () => {
        const reply = await host.ask('b.sh', { timeoutMs: 500 }).catch(() => undefined);
        return reply?.status === 503 ? reply : undefined;
      },
      { what: 'the queue to be full' },
    );
    assert.match(refused.fields.get('retry-after') ?? '', /^\d+$/);
    await host.said(/503: .*b\.sh: not run, as enough run and wait already \(--max-scripts, --max-queue\)/);
    await running(3);
    b.open();
    assert.deepEqual(
      (await Promise.all([other, last])).map(reply => reply.text),
      ['b.sh\n', 'b.sh\n'],
    );
    await running(2);
    a.open();
    for (const reply of await Promise.all([...first, waiting])) assert.equal(reply.text, 'a.sh\n');
  });

  await scope.test('afterwards all places are free again', async () => {
    host.script('c.sh', sh(HEAD, 'echo c'));
    for (let at = 0; at < 20; at++) assert.equal((await host.ask('c.sh')).text, 'c\n');
  });
});

suite('integration/cgi-limits: what the kernel has no more of', {}, async scope => {
  await scope.test('an environment that is too large: 431', async () => {
    const host = await startCgiHost(scope);
    host.script('hello.sh', sh(HEAD, 'echo hello'));
    const { status } = await host.ask('hello.sh', { params: { HTTP_X: 'x'.repeat(200_000) } });
    assert.equal(status, 431);
    await host.said(/431: .*hello\.sh: .*E2BIG.*128 KiB/);
    assert.equal((await host.ask('hello.sh')).text, 'hello\n');
    const many = Object.fromEntries(Array.from({ length: 900 }, (_, at) => [`HTTP_${at}`, 'x'.repeat(1000)]));
    assert.equal((await host.ask('hello.sh', { params: many })).text, 'hello\n');
  });

  await scope.test('file descriptors: 503, said, and served when there are some again', async () => {
    const host = await startCgiHost(scope, {
      before: ['prlimit', '--nofile=128:128', '--'],
      args: ['--max-scripts', '0'],
    });
    const go = join(host.shared, 'go');
    host.script('waits.sh', sh(HEAD, `until [ -e ${go} ]; do sleep 0.05; done`));
    host.script('hello.sh', sh(HEAD, 'echo hello'));
    const asked = Array.from({ length: 40 }, () => host.ask('waits.sh'));
    await host.said(/503: .*waits\.sh: .*(EMFILE|too many open files).*rlimit_files/i);
    writeFileSync(go, '');
    const statuses = (await Promise.all(asked)).map(reply => reply.status);
    assert.deepEqual(new Set(statuses), new Set([200, 503]));
    assert.equal((await host.ask('hello.sh')).text, 'hello\n');
    await until(() => host.children().length === 0, { what: 'no children' });
  });

  await scope.test('processes: 503, and said', async () => {
    if (!IS_ROOT) return; // whoever runs the tests has processes of his own, and how many is not known
    // Root is limited by nothing, and becomes somebody who runs nothing else.
    const host = await startCgiHost(scope, {
      before: ['prlimit', '--nproc=24:24', '--'],
      args: ['--user', 'games', '--max-scripts', '0'],
    });
    const go = join(host.shared, 'go');
    host.script('waits.sh', sh(HEAD, `until [ -e ${go} ]; do read x < /dev/null; done`));
    const asked = Array.from({ length: 30 }, () => host.ask('waits.sh'));
    await host.said(/503: .*waits\.sh: .*EAGAIN.*rlimit_nproc/);
    writeFileSync(go, '');
    const statuses = (await Promise.all(asked)).map(reply => reply.status);
    assert.deepEqual(new Set(statuses), new Set([200, 503]));
    assert.equal((await host.ask('waits.sh')).status, 200);
  });

  await scope.test('the soft limit of files is the usual one, though ours was raised', async () => {
    const host = await startCgiHost(scope, {
      before: ['prlimit', '--nofile=3000:4000', '--'],
      args: ['--max-scripts', '10', '--max-queue', '100'],
    });
    host.script('limit.sh', sh(HEAD, 'ulimit -S -n', 'ulimit -H -n'));
    assert.equal((await host.ask('limit.sh')).text, '1024\n4000\n');
  });
});

suite('integration/cgi-limits: what cannot be run', {}, async scope => {
  const host = await startCgiHost(scope);
  const table: readonly [name: string, text: string, mode: number, status: number, said: RegExp][] = [
    ['text', 'just text\n', 0o755, 403, /403: .*\/text: .*ENOEXEC.*#!/],
    ['interpreter', '#!/nonexistent/interpreter\n', 0o755, 502, /502: .*\/interpreter: .*ENOENT.*#!/],
    ['plain', sh(HEAD), 0o644, 403, /403: .*\/plain/],
    ['secret', sh(HEAD), 0o700, IS_ROOT ? 403 : 200, IS_ROOT ? /403: .*\/secret/ : /^/],
  ];
  for (const [name, text, mode, status, said] of table) {
    await scope.test(`${name}: ${status}`, async () => {
      host.script(name, text, mode);
      assert.equal((await host.ask(name)).status, status);
      await host.said(said);
    });
  }

  await scope.test('missing: 404; a directory: no script', async () => {
    assert.equal((await host.ask('missing')).status, 404);
    await host.said(/404: .*missing/);
    assert.ok([403, 404].includes((await host.ask('.')).status));
    assert.ok(existsSync(host.root));
  });
});
