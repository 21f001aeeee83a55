/** What is done about a worker with a request that takes too long. Pure. */

export interface OverdueFacts {
  /** Connections that one worker serves at a time. */
  readonly concurrency: number;
  /** It is on its way out, and its listener gets nothing new. */
  readonly isDraining: boolean;
  /** Connections that it has in hand; null: not known. */
  readonly inHand: number | null;
  /** Those of them whose requests take too long. */
  readonly overdue: number;
}

/**
 * `kill`: nobody else is hurt; `drain`: it has or may have others in hand, who are innocent: nothing new comes to it
 * until only those are left that take too long; `wait`: that is under way.
 */
export function overdueRule({
  concurrency,
  isDraining,
  inHand,
  overdue,
}: OverdueFacts): 'kill' | 'drain' | 'wait' {
  if (concurrency === 1) return 'kill';
  if (!isDraining) return 'drain';
  return inHand !== null && inHand <= overdue ? 'kill' : 'wait';
}
