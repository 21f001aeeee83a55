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
  return {
    ...describe(process.geteuid?.() ?? 0, process.getegid?.() ?? 0, process.getgroups?.() ?? []),
    overrides: capabilities.has('dac_override'),
    capabilities,
    isThisProcess: true,
  };
}

/** Some ordinary user, without a right of any kind. */
export function ordinarySelf(uid: number, gid: number): Self {
  return { ...describe(uid, gid, []), overrides: false, capabilities: new Set(), isThisProcess: false };
}

function describe(uid: number, gid: number, groups: readonly number[]) {
  return { label: `this user (uid ${uid})`, uid, gid, groups };
}
