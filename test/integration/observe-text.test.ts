/** Where the kernel does not answer over netlink, the tables are read as text; what that cannot tell is null, and said. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { type Acceptor, connectTo, startAcceptor } from '../lib/acceptor.ts';
import { runCommand } from '../lib/command.ts';
import { compileFixture } from '../lib/compile.ts';
import { suite } from '../lib/suite.ts';

interface Seen {
  readonly inode: number;
  readonly waiting: number;
  readonly limit: number | null;
  readonly accepted: readonly number[] | null;
  readonly halfOpen: number;
}

const LOOK = `
  import { lookAtSockets } from './src/observe/sockets.ts';
  import { socketTableLimits } from './src/os/socket-tables.ts';
  const watched = process.argv.slice(1).map(inode => ({ inode: Number(inode), withConnections: true }));
  const loads = [...lookAtSockets(watched)].map(([inode, { waiting, limit, accepted, halfOpen }]) => (
    { inode, waiting, limit, accepted: accepted && [...accepted].sort((a, b) => a - b), halfOpen: halfOpen.size }));
  console.log(JSON.stringify({ loads, limits: socketTableLimits() }));
`;

suite('integration/observe-text', { needs: ['gcc'] }, async scope => {
  const path = join(scope.dir, 'x.sock');
  const unix = await startAcceptor(scope, 'unix', path);
  const abstract = await startAcceptor(scope, 'abstract', `fpm-ts-test-${process.pid}`);
  const tcp = await startAcceptor(scope, 'tcp', '127.0.0.1');
  for (let i = 0; i < 4; i++) {
    await connectTo(scope, { path });
    await abstract.dial();
    await connectTo(scope, { host: '127.0.0.1', port: tcp.port });
  }
  await tcp.beginHandshake('127.0.0.1');
  const truth: Seen[] = [];
  for (const acceptor of [unix, abstract, tcp]) {
    const accepted = [await acceptor.accept(), await acceptor.accept(), await acceptor.fork()];
    const halfOpen = acceptor === tcp ? 1 : 0;
    // The kernel gives out inodes by processor: a later one may be lower.
    accepted.sort((a, b) => a - b);
    truth.push({ inode: acceptor.inode, waiting: 1, limit: 20, accepted, halfOpen });
  }

  async function look(...before: string[]): Promise<{ loads: Seen[]; limits: string[] }> {
    const inodes = [unix, abstract, tcp].map(({ inode }: Acceptor) => String(inode));
    const node = [process.execPath, '--import', 'tsx', '--input-type=module', '-e', LOOK, ...inodes];
    const [command = '', ...args] = [...before, ...node];
    const { code, stdout, stderr } = await runCommand(command, args);
    assert.equal(code, 0, stderr);
    return JSON.parse(stdout) as { loads: Seen[]; limits: string[] };
  }

  await scope.test('over netlink: everything, and nothing to say', async () => {
    assert.deepEqual(await look(), { loads: truth, limits: [] });
  });

  await scope.test('as text: the same but for the limits of queues, and both tables are named', async () => {
    const { loads, limits } = await look(await compileFixture('no-netlink', []));
    assert.deepEqual(
      loads,
      truth.map(load => ({ ...load, limit: null })),
    );
    assert.match(
      limits.join('\n'),
      /\/proc\/net\/unix: .*EAFNOSUPPORT.*\n.*\/proc\/net\/tcp: .*EAFNOSUPPORT/,
    );
  });
});
