/** What this process may do beyond its user id (capabilities(7)). */
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
