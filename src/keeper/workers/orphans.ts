/** As pid 1 (in a container) we inherit every orphan of the system, and nobody else reaps them. */
import { peekEndedChild, reapPid } from '../../os/pidfd.ts';

/**
 * Reaps the ended children that are not ours; ours are left to the poller, which knows them by pidfd. To be called
 * on SIGCHLD, and again when the poller has reaped one of ours.
 */
export function reapOrphans(isOurs: (pid: number) => boolean): void {
  for (let pid = peekEndedChild(); pid !== null; pid = peekEndedChild()) {
    // The kernel shows the same child until it is reaped, and those that ended after it stand behind it.
    if (isOurs(pid)) return;
    reapPid(pid);
  }
}
