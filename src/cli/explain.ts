/** `fpm-ts explain`: decisions with their reasons, in local time. */
import type { ExplainedDecision, Explanation } from '../commands/explain.ts';

export function explanationText({ pool, decisions }: Explanation): string {
  if (decisions.length === 0) return `pool ${pool}: nothing was decided yet`;
  return decisions.map(decisionText).join('\n');
}

function decisionText({ at, last_at: lastAt, times, what, reasons }: ExplainedDecision): string {
  const again = times === 1 ? '' : ` (${times} times, the last at ${localTime(lastAt)})`;
  return [`${localTime(at)}  ${what}${again}`, ...reasons.map(({ text }) => `    ${text}`)].join('\n');
}

/** Date and time of day here, to the millisecond: decisions come ten times a second. */
function localTime(iso: string): string {
  const time = new Date(iso);
  const offsetMs = time.getTimezoneOffset() * 60_000;
  return new Date(time.getTime() - offsetMs).toISOString().slice(0, 23).replace('T', ' ');
}
