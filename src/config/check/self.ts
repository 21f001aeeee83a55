/** Who checks, which is who would start: all that the system may refuse us. */
import { type Capability, effectiveCapabilities } from '../../os/capabilities.ts';
import type { Actor } from './permission.ts';

export interface Self extends Actor {
  readonly capabilities: ReadonlySet<Capability>;
  /** It is this very process, so that the kernel can be asked with access(2) on top. */
  readonly isThisProcess: boolean;
}

export function currentSelf(): Self {
  const capabilities = effectiveCapabilities();
  const uid = process.geteuid?.() ?? 0;
  return {
    label: `this user (uid ${uid})`,
    uid,
    gid: process.getegid?.() ?? 0,
    groups: process.getgroups?.() ?? [],
    overrides: capabilities.has('dac_override'),
    capabilities,
    isThisProcess: true,
  };
}
