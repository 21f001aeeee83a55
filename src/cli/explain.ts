/** `fpm-ts explain`. */
import type { Command } from 'commander';
import type { ExplainedDecision, Explanation } from '../control/types.ts';
import { callSupervisor, globals, print, printJson } from './context.ts';
import { example } from './example.ts';

export function registerExplain(program: Command): void {
  program
    .command('explain')
    .description('Show what was decided about a pool lately, and why: the oldest first.')
    .argument('<pool>')
    .addHelpText('after', example('fpm-ts explain www', 'fpm-ts --json explain www'))
    .action(async (pool: string, _options: object, command: Command) => {
      const common = globals(command);
      const explanation = await callSupervisor(common, 'explain', { pool });
      if (common.json === true) printJson(explanation);
      else print(explanationText(explanation));
    });
}

function explanationText({ pool, decisions }: Explanation): string {
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
