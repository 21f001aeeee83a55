/** What this process may do beyond its user id (capabilities(7)). */
import { declare, must } from './libc.ts';
import { read } from './proc.ts';

/** The bits of the capabilities that fpm-ts needs or loses something without (linux/capability.h). */
export const CAPABILITY = {
  chown: 0,
  dac_override: 1,
  dac_read_search: 2,
  fowner: 3,
  kill: 5,
  setgid: 6,
  setuid: 7,
  net_bind_service: 10,
  sys_chroot: 18,
  sys_ptrace: 19,
  sys_nice: 23,
  sys_resource: 24,
} as const;

export type Capability = keyof typeof CAPABILITY;

/** The effective capabilities of this process; every one when the kernel does not tell. */
export function effectiveCapabilities(): ReadonlySet<Capability> {
  const mask = /^CapEff:\s+([0-9a-f]+)$/m.exec(read('/proc/self/status') ?? '')?.[1];
  const bits = mask === undefined ? 0n : BigInt(`0x${mask}`);
  const all = Object.keys(CAPABILITY) as Capability[];
  return new Set(all.filter(name => mask === undefined || ((bits >> BigInt(CAPABILITY[name])) & 1n) === 1n));
}

const capget = declare('int capget(void *, void *)');
const capset = declare('int capset(void *, void *)');
/** linux/capability.h: version 3, of this thread; then effective, permitted and inheritable, the low halves first. */
const HEADER = Buffer.from(Uint32Array.of(0x2008_0522, 0).buffer);
const DATA_BYTES = 24;

/** Runs `work`, which must be synchronous, without a capability in effect. @throws {SystemError} before `work` runs */
export function withoutCapability<T>(name: Capability, work: () => T): T {
  return withEffective(effective => effective & ~(1 << CAPABILITY[name]), work);
}

/** Runs it with one, as far as this process has it at all. */
export function withCapability<T>(name: Capability, work: () => T): T {
  return withEffective((effective, permitted) => effective | (permitted & (1 << CAPABILITY[name])), work);
}

function withEffective<T>(change: (effective: number, permitted: number) => number, work: () => T): T {
  const held = Buffer.alloc(DATA_BYTES);
  must(capget(HEADER, held), 'capget');
  const changed = Buffer.from(held);
  changed.writeUInt32LE(change(held.readUInt32LE(0), held.readUInt32LE(4)) >>> 0, 0);
  must(capset(HEADER, changed), 'capset');
  try {
    return work();
  } finally {
    must(capset(HEADER, held), 'capset');
  }
}
