/** The listening sockets that the keeper holds open, by the supervisor's names for them. */
import { closeSync } from 'node:fs';
import { setNonblocking } from '../os/descriptor.ts';
import {
  type FileIdentity,
  listenTcp,
  listenUnix,
  setAllowedClients,
  setBacklog,
  setOwnerAndMode,
  unlinkOwn,
} from '../os/listener.ts';
import type { ListenerSpec } from './protocol.ts';

interface OpenListener {
  readonly spec: ListenerSpec;
  readonly descriptor: number;
  /** The socket file, for a Unix listener that we made. */
  readonly file: FileIdentity | null;
}

export class Listeners {
  readonly #open = new Map<string, OpenListener>();
  readonly #inherited: ReadonlyMap<string, number>;

  /** @param inherited sockets from the service manager, by name */
  constructor(inherited: ReadonlyMap<string, number>) {
    this.#inherited = inherited;
  }

  /**
   * Opens a listener, or gives one that is open the settings of the new specification; its address stays.
   * @throws {SystemError} when the kernel refuses; {Error} when the service manager gave no such socket
   */
  open(spec: ListenerSpec): void {
    const known = this.#open.get(spec.id);
    const { descriptor, file } = known === undefined ? this.#listen(spec) : adjust(known, spec);
    setNonblocking(descriptor, spec.nonblock);
    this.#open.set(spec.id, { spec, descriptor, file });
  }

  descriptor(id: string): number {
    const listener = this.#open.get(id);
    if (listener === undefined) throw new Error(`listener ${id} is not open`);
    return listener.descriptor;
  }

  /** Closes our copy of the socket and removes its file when it is still ours; workers may still hold theirs. */
  close(id: string): void {
    const listener = this.#open.get(id);
    if (listener === undefined) return;
    this.#open.delete(id);
    if (listener.spec.address.type === 'systemd') return; // the service manager's: a later pool may want it again
    closeSync(listener.descriptor);
    if (listener.spec.address.type === 'unix' && listener.file !== null) {
      unlinkOwn(listener.spec.address.path, listener.file);
    }
  }

  closeAll(): void {
    for (const id of this.#open.keys()) this.close(id);
  }

  get specs(): ListenerSpec[] {
    return [...this.#open.values()].map(listener => listener.spec);
  }

  /** The sockets from the service manager, in use or not. */
  get inheritedNames(): string[] {
    return [...this.#inherited.keys()];
  }

  #listen(spec: ListenerSpec): { descriptor: number; file: FileIdentity | null } {
    const { address } = spec;
    switch (address.type) {
      case 'unix':
        return listenUnix({ ...spec, path: address.path });
      case 'tcp':
        return { descriptor: listenTcp({ ...spec, ...address }), file: null };
      case 'systemd': {
        const descriptor = this.#inherited.get(address.name);
        if (descriptor === undefined)
          throw new Error(`no socket named ${address.name} was passed in LISTEN_FDNAMES`);
        setAllowedClients(descriptor, spec.allowedClients);
        return { descriptor, file: null };
      }
    }
  }
}

function adjust(
  listener: OpenListener,
  spec: ListenerSpec,
): { descriptor: number; file: FileIdentity | null } {
  const { descriptor, file } = listener;
  if (spec.address.type === 'unix' && file !== null) setOwnerAndMode(spec.address.path, file, spec);
  if (spec.address.type !== 'unix') setAllowedClients(descriptor, spec.allowedClients);
  if (spec.address.type !== 'systemd') setBacklog(descriptor, spec.backlog);
  return { descriptor, file };
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
