/** The keeper's listeners in the test's own process. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { Listeners } from '../../src/keeper/listeners/listeners.ts';
import type { BindAddress, ListenerSpec } from '../../src/keeper/protocol.ts';
import { lookAtSockets } from '../../src/observe/sockets.ts';
import { signalGroup, untilEnded } from '../../src/os/pidfd.ts';
import { Poller } from '../../src/os/poller.ts';
import { tcpSockets } from '../../src/os/socket-tables.ts';
import { spawn } from '../../src/os/spawn.ts';
import type { Place } from './place.ts';
import { until } from './poll.ts';

/** A mask of states: TCP_SYN_SENT (include/net/tcp_states.h). */
const IN_SYN_SENT = 1 << 2;

export interface OpenListeners {
  readonly listeners: Listeners;
  /** What `watch` has reported, in order. */
  readonly knocks: string[];
}

/** One for all listeners of a place. */
const pollers = new WeakMap<Place, Poller>();

export function pollerOf(place: Place): Poller {
  const known = pollers.get(place);
  if (known !== undefined) return known;
  const poller = new Poller();
  pollers.set(place, poller);
  place.defer(() => poller.close());
  return poller;
}

/** All closed at the end of the place. */
export function openListeners(
  place: Place,
  inherited: ReadonlyMap<string, number> = new Map(),
): OpenListeners {
  const knocks: string[] = [];
  const listeners = new Listeners(inherited, pollerOf(place), id => knocks.push(id));
  place.defer(() => listeners.closeAll());
  return { listeners, knocks };
}

export function specOf(
  id: string,
  address: BindAddress,
  more: Partial<Omit<ListenerSpec, 'id' | 'address'>> = {},
): ListenerSpec {
  const owner = { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 };
  return { id, address, backlog: 511, mode: 0o600, ...owner, allowedClients: [], nonblock: false, ...more };
}

export function tcpAddress(port: number, host = '127.0.0.1', dualStack = false): BindAddress {
  return { type: 'tcp', host, port, dualStack };
}

/** How many connections wait at a listener; undefined: there is no such listener any more. */
export function waitingAt(inode: number): number | undefined {
  return lookAtSockets([{ inode, withConnections: false }]).get(inode)?.waiting;
}

/** Waits until a client has sent its SYN to the port and has no answer. */
export async function untilAsking(port: number): Promise<void> {
  const isAsking = (): boolean => {
    let seen = false;
    tcpSockets(4, IN_SYN_SENT, null, row => {
      seen ||= row.peer.port === port;
    });
    return seen;
  };
  await until(isAsking, { what: `a handshake with port ${port} to begin` });
}

/** Connected clients, which the end of the test closes. */
export async function connectClients(place: Place, address: BindAddress, count: number): Promise<Socket[]> {
  const sockets = Array.from({ length: count }, () => {
    const socket =
      address.type === 'unix'
        ? connect(address.path)
        : connect(address.type === 'tcp' ? address.port : assert.fail(), '127.0.0.1');
    place.defer(() => void socket.destroy());
    return socket;
  });
  await Promise.all(sockets.map(socket => once(socket, 'connect')));
  for (const socket of sockets) socket.on('error', () => {}); // a listener that is closed resets them
  return sockets;
}

/** Waits until so many wait at each; the handshake on TCP ends a moment later than connect(2). */
export async function untilWaiting(
  ...expected: readonly (readonly [inode: number, count: number])[]
): Promise<void> {
  const wanted = expected.map(([, count]) => count).join(', ');
  const seen = (): string => expected.map(([inode]) => waitingAt(inode)).join(', ');
  await until(() => seen() === wanted, { what: `queues of ${wanted}`, explain: () => `seen: ${seen()}` });
}

export function publicOnes(listeners: Listeners): string[] {
  return listeners.states.filter(({ isPublic }) => isPublic).map(({ spec }) => spec.id);
}

/** A program that has the listener on descriptor 0, as a worker has; ended with the place. @returns its pid */
export function runWith(place: Place, descriptor: number | null, argv: readonly string[]): number {
  const descriptors = new Map(descriptor === null ? [] : [[0, descriptor]]);
  const pid = spawn({ path: argv[0] ?? '', argv, env: {}, descriptors });
  place.defer(async () => {
    signalGroup(pid, 'SIGKILL');
    await untilEnded(pid);
  });
  return pid;
}

/** Holds a listener and never accepts. */
export function holdListener(place: Place, descriptor: number): void {
  runWith(place, descriptor, ['/bin/sleep', '600']);
}
