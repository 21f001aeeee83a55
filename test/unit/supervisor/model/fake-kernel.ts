/** What the kernel tells of the model's world. */
import type { ListenerLoad } from '../../../../src/observe/sockets.ts';
import type { Kernel } from '../../../../src/worker/kernel.ts';
import type { FakeWorker } from './things.ts';
import { isSame, type World } from './world.ts';

export function kernelOf(world: World): Kernel {
  const worker = (pid: number): FakeWorker | undefined => {
    const found = world.workers.get(pid);
    return found?.exit === null ? found : undefined;
  };
  const isIdle = (pid: number): boolean => {
    const it = worker(pid);
    return it?.isAccepting === true && it.connections.size === 0;
  };
  return {
    hasDescriptors: () => true,
    lookAtSockets: watched => {
      const looks = new Map<number, ListenerLoad>();
      for (const { inode, withConnections } of watched) {
        const socket = [...world.sockets].find(it => it.inode === inode && it.isOpen);
        if (socket === undefined) continue;
        // Accepted TCP connections carry their address only, whichever of the listeners there accepted them.
        const at = [...world.sockets].filter(
          it => it === socket || (it.address.type === 'tcp' && isSame(it.address, socket.address)),
        );
        const accepted = new Set(at.flatMap(it => [...it.accepted.keys()]));
        looks.set(inode, {
          waiting: socket.queue.length,
          limit: 128,
          accepted: withConnections ? accepted : null,
          halfOpen: new Set(),
        });
      }
      return looks;
    },
    holdersOf: () => [],
    readOomCounters: () => ({ host: 0, group: null }),
    connectionsOf: (pid, accepted) => [...(worker(pid)?.connections ?? [])].filter(it => accepted.has(it)),
    usageOf: () => null,
    isRunnable: () => false,
    lookAtWorker: pid =>
      isIdle(pid) ? 'accepting' : worker(pid)?.isAccepting === true ? 'unseen' : 'not-yet',
    acceptsOn: isIdle,
    isHeldByOthers: pid => worker(pid)?.isFrozen === true,
    untilStopped: () => Promise.resolve(true),
  };
}
