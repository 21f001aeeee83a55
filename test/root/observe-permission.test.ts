/** Root without CAP_SYS_PTRACE, as in a container, may not look into the workers of other users: null, not "idle". */
import assert from 'node:assert/strict';
import { startAcceptor } from '../lib/acceptor.ts';
import { runCommand } from '../lib/command.ts';
import { suite } from '../lib/suite.ts';

const NOBODY = '65534';

const LOOK = `
  import { connectionsOf, Holdings } from './src/observe/families.ts';
  import { lookAtSockets } from './src/observe/sockets.ts';
  const [inode, pid] = process.argv.slice(1).map(Number);
  const accepted = lookAtSockets([{ inode, withConnections: true }]).get(inode).accepted;
  const held = new Holdings().look(pid, accepted, 0);
  console.log(JSON.stringify([accepted.size, connectionsOf(pid, accepted), held && [...held.keys()]]));
`;

suite('root/observe-permission', { root: true, needs: ['gcc', 'setpriv'] }, async scope => {
  const as = ['setpriv', `--reuid=${NOBODY}`, `--regid=${NOBODY}`, '--clear-groups'];
  const acceptor = await startAcceptor(scope, 'abstract', `fpm-ts-test-${process.pid}`, as);
  await acceptor.dial();
  const connection = await acceptor.accept();

  async function look(...before: string[]): Promise<unknown> {
    const args = [...before, process.execPath, '--import', 'tsx', '--input-type=module', '-e', LOOK];
    const result = await runCommand('setpriv', [...args, String(acceptor.inode), String(acceptor.pid)]);
    assert.equal(result.code, 0, result.stderr);
    return JSON.parse(result.stdout);
  }

  await scope.test('with it', async () => {
    assert.deepEqual(await look(), [1, [connection], [connection]]);
  });

  await scope.test('without it', async () => {
    assert.deepEqual(await look('--inh-caps=-sys_ptrace', '--bounding-set=-sys_ptrace'), [1, null, null]);
  });
});
