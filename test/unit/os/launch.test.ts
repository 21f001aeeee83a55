/** A child that is started in a thread: what it is given, byte for byte, read back by the child itself. */
import assert from 'node:assert/strict';
import { closeSync, constants, openSync, readdirSync, readFileSync } from 'node:fs';
import { constants as system } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { closeInheritedOnExec } from '../../../src/os/descriptor.ts';
import { type Launch, launch } from '../../../src/os/launch.ts';
import { awaitEnd, childExit } from '../../../src/os/pidfd.ts';
import { suite } from '../../lib/suite.ts';

const words = (...texts: readonly string[]): Buffer[] => texts.map(text => Buffer.from(text));

suite('unit/os/launch', {}, async scope => {
  closeInheritedOnExec();
  let runs = 0;

  interface Started {
    readonly errno: number;
    readonly pid: number;
    /** What it wrote; empty when it was not started. */
    readonly output: Buffer;
  }

  /** Starts it, and waits for its end. */
  async function run(child: Partial<Launch>): Promise<Started> {
    const file = join(scope.dir, `output-${++runs}`);
    const nothing = openSync('/dev/null', 'r');
    const output = openSync(file, 'w');
    const directory = openSync('/', constants.O_RDONLY | constants.O_DIRECTORY);
    try {
      const started = await new Promise<{ errno: number; pid: number }>(resolve => {
        launch(
          {
            path: Buffer.from('/bin/sh'),
            argv: words('sh', '-c', ':'),
            environment: new Map(),
            directory,
            descriptors: [nothing, output, output],
            ...child,
          },
          (errno, pid) => resolve({ errno, pid }),
        );
      });
      if (started.errno === 0) awaitEnd(started.pid);
      return { ...started, output: readFileSync(file) };
    } finally {
      for (const descriptor of [nothing, output, directory]) closeSync(descriptor);
    }
  }

  const ofBytes = (excluded: readonly number[]): fc.Arbitrary<Buffer> =>
    fc
      .uint8Array({ maxLength: 300 })
      .map(bytes => Buffer.from(bytes.filter(byte => byte !== 0 && !excluded.includes(byte))));

  await scope.test('arguments and variables arrive byte for byte, many at once', async () => {
    const name = fc.stringMatching(/^[A-Z_][A-Z0-9_]{0,20}$/);
    const variables = fc.array(fc.tuple(name, ofBytes([])), { maxLength: 80 });
    await fc.assert(
      fc.asyncProperty(variables, fc.array(ofBytes([]), { maxLength: 20 }), async (pairs, given) => {
        const environment = new Map(pairs);
        const path = Buffer.from('/bin/cat');
        const [env, cmdline] = await Promise.all([
          run({ path, environment, argv: words('cat', '/proc/self/environ') }),
          // It ends with an error for a file that is not there, after it has read what we want to see.
          run({ path, argv: [...words('cat', '/proc/self/cmdline', '--'), ...given] }),
        ]);
        const pairsAsBytes = [...environment].map(([key, value]) =>
          Buffer.concat([Buffer.from(`${key}=`), value, Buffer.of(0)]),
        );
        assert.deepEqual(env.output, Buffer.concat(pairsAsBytes));
        const argv = [...words('cat', '/proc/self/cmdline', '--'), ...given];
        const wanted = Buffer.concat(argv.map(word => Buffer.concat([word, Buffer.of(0)])));
        assert.deepEqual(cmdline.output.subarray(0, wanted.length), wanted);
      }),
      { numRuns: 30 },
    );
  });

  await scope.test('a large environment, and a small one after it', async () => {
    const value = Buffer.alloc(100_000, 'x');
    const environment = new Map(Array.from({ length: 10 }, (_, at) => [`BIG_${at}`, value]));
    const cat = { path: Buffer.from('/bin/cat'), argv: words('cat', '/proc/self/environ') };
    assert.equal((await run({ ...cat, environment })).output.length, 10 * (100_000 + 'BIG_0='.length + 1));
    assert.equal(
      (await run({ ...cat, environment: new Map([['A', Buffer.from('1')]]) })).output.toString(),
      'A=1\0',
    );
  });

  await scope.test('it leads a group of its own, in its directory', async () => {
    const directory = openSync('/usr', constants.O_RDONLY | constants.O_DIRECTORY);
    const script = 'read pid rest < /proc/self/stat; set -- $rest; echo $$ $4; pwd -P';
    const { output, pid } = await run({ argv: words('sh', '-c', script), directory });
    closeSync(directory);
    assert.equal(output.toString(), `${pid} ${pid}\n/usr\n`);
  });

  await scope.test('descriptors: those that were named, in their order, and no other', async () => {
    const fourth = openSync('/etc/passwd', 'r');
    const nothing = openSync('/dev/null', 'r');
    const output = openSync(join(scope.dir, 'listed'), 'w');
    const argv = words('sh', '-c', 'readlink /proc/self/fd/3; ls /proc/self/fd');
    await run({ argv, descriptors: [nothing, output, output, fourth] });
    for (const descriptor of [fourth, nothing, output]) closeSync(descriptor);
    // 4 is the directory that ls reads.
    assert.equal(readFileSync(join(scope.dir, 'listed'), 'utf8'), '/etc/passwd\n0\n1\n2\n3\n4\n');
  });

  await scope.test('signals: nothing blocked, ignored or caught, though we ignore some', async () => {
    const { output } = await run({ path: Buffer.from('/bin/cat'), argv: words('cat', '/proc/self/status') });
    for (const name of ['SigBlk', 'SigIgn', 'SigCgt'])
      assert.match(output.toString(), new RegExp(`^${name}:\\s+0{16}$`, 'm'), name);
  });

  await scope.test('what the kernel refuses comes with its errno', async () => {
    const { ENOENT, EACCES, E2BIG } = system.errno;
    const huge = new Map([['HUGE', Buffer.alloc(200_000, 'x')]]);
    const table: readonly [Partial<Launch>, number][] = [
      [{ path: Buffer.from('/nonexistent/x') }, ENOENT],
      [{ path: Buffer.from('/etc') }, EACCES],
      [{ environment: huge }, E2BIG],
    ];
    for (const [child, errno] of table) {
      const started = await run(child);
      assert.deepEqual([started.errno, started.pid], [errno, -1]);
    }
  });

  await scope.test('how it ended is told by its pid, before it is reaped and then', async () => {
    const nothing = openSync('/dev/null', 'r+');
    const directory = openSync('/', constants.O_RDONLY);
    const pid = await new Promise<number>(resolve => {
      const argv = words('sh', '-c', 'read x; exit 7');
      const child = { path: Buffer.from('/bin/sh'), argv, environment: new Map(), directory };
      launch({ ...child, descriptors: [nothing, nothing, nothing] }, (_errno, started) => resolve(started));
    });
    while (childExit(pid, 'leave') === null);
    assert.deepEqual(childExit(pid, 'leave'), { code: 7, signal: null });
    assert.deepEqual(childExit(pid, 'reap'), { code: 7, signal: null });
    assert.throws(() => childExit(pid, 'reap'), { errno: system.errno.ECHILD });
    closeSync(nothing);
    closeSync(directory);
  });

  await scope.test('none of it leaves a descriptor open', async () => {
    const before = readdirSync('/proc/self/fd').length;
    await Promise.all(
      Array.from({ length: 20 }, (_, at) => run(at % 2 === 0 ? {} : { path: Buffer.from('/x') })),
    );
    assert.equal(readdirSync('/proc/self/fd').length, before);
  });
});
