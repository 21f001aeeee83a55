/**
 * A socket that the service manager opened and passed to us. Its address is not ours: nothing takes its place, and
 * while nobody accepts, connections wait in it for whoever comes next.
 */
import { fstatSync } from 'node:fs';
import { setAllowedClients } from '../../os/tcp-listener.ts';
import type { SavedListener } from '../handover/state.ts';
import type { ListenerSpec } from '../protocol.ts';
import type { OpenListener } from './open-listener.ts';

export class SystemdListener implements OpenListener {
  spec: ListenerSpec;
  readonly descriptor: number;
  readonly inode: number;
  readonly isPublic = true;

  /** @throws {SystemError} when the kernel refuses the filter of allowed_clients */
  constructor(spec: ListenerSpec, descriptor: number) {
    this.spec = spec;
    this.descriptor = descriptor;
    this.inode = fstatSync(descriptor).ino;
    setAllowedClients(descriptor, spec.allowedClients);
  }

  adjust(spec: ListenerSpec): void {
    setAllowedClients(this.descriptor, spec.allowedClients);
    this.spec = spec;
  }

  publish(): void {}

  refuse(): void {}

  /** It stays open: a later pool may want it again. */
  close(): void {}

  get saved(): SavedListener {
    const { spec, inode, descriptor } = this;
    return { spec, inode, descriptor, file: null, tcp: null };
  }
}

/**
 * The sockets that a service manager passed to this process, by name (sd_listen_fds_with_names(3)): LISTEN_PID
 * must be ours; a socket without a name is 'unknown'. The variables are removed, so that no child sees them.
 */
export function takeInheritedListeners(env: NodeJS.ProcessEnv): Map<string, number> {
  const { LISTEN_PID: pid, LISTEN_FDS: count, LISTEN_FDNAMES: names } = env;
  for (const name of ['LISTEN_PID', 'LISTEN_FDS', 'LISTEN_FDNAMES']) delete env[name];
  const inherited = new Map<string, number>();
  if (Number(pid) !== process.pid) return inherited;
  const given = (names ?? '').split(':');
  for (let i = 0; i < Number(count); i++) inherited.set(given[i] || 'unknown', 3 + i);
  return inherited;
}
