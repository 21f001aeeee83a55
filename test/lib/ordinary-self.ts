/** Whom the checks of a configuration may be asked about instead of us. */
import type { Self } from '../../src/config/check/self.ts';

/** Some ordinary user, without a right of any kind. */
export function ordinarySelf(uid: number, gid: number): Self {
  const label = `this user (uid ${uid})`;
  return { label, uid, gid, groups: [], overrides: false, capabilities: new Set(), isThisProcess: false };
}
