/** Root without CAP_SYS_PTRACE, as in a container, may not look into the workers of other users: null, not "idle". */
import assert from 'node:assert/strict';
import { startAcceptor } from '../lib/acceptor.ts';
import { runCommand } from '../lib/command.ts';
import { MAIN } from '../lib/paths.ts';
import { suite } from '../lib/suite.ts';

const NOBODY = '65534';
const WITHOUT = ['--inh-caps=-sys_ptrace', '--bounding-set=-sys_ptrace'];

const LOOK = `
  import { connectionsOf } from './src/observe/families.ts';
  import { lookAtSockets } from './src/observe/sockets.ts';
  const [inode, pid] = process.argv.slice(1).map(Number);
  const accepted = lookAtSockets([{ inode, withConnections: true }]).get(inode).accepted;
  console.log(JSON.stringify([accepted.size, connectionsOf(pid, accepted)]));
`;

suite('root/observe-permission', { root: true, needs: ['gcc', 'setpriv'] }, async scope => {
  const as = ['setpriv', `--reuid=${NOBODY}`, `--regid=${NOBODY}`, '--clear-groups'];
  const name = `fpm-ts-test-${process.pid}`;
  const acceptor = await startAcceptor(scope, 'abstract', name, as);
  await acceptor.dial();
  const connection = await acceptor.accept();

  async function look(...before: string[]): Promise<unknown> {
    const args = [...before, process.execPath, '--import', 'tsx', '--input-type=module', '-e', LOOK];
    const result = await runCommand('setpriv', [...args, String(acceptor.inode), String(acceptor.pid)]);
    assert.equal(result.code, 0, result.stderr);
    return JSON.parse(result.stdout);
  }

  await scope.test('with it', async () => {
    assert.deepEqual(await look(), [1, [connection]]);
  });

  await scope.test('without it', async () => {
    assert.deepEqual(await look(...WITHOUT), [1, null]);
  });

  await scope.test(
    'without it, `observe` shows the connections, and of the workers that it cannot know',
    async () => {
      const args = [process.execPath, MAIN, 'observe', `@${name}`, '--count', '1'];
      const { stdout } = await runCommand('setpriv', [...WITHOUT, ...args]);
      // queue, its maximum and limit, connections, busy workers, workers, what fpm-ts would have
      assert.match(stdout, /^\d\d:\d\d:\d\d +0 +0 +20 +1 +- +- +3 /m);
    },
  );
});
