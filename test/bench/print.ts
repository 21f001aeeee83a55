/** A report as a table for people. */
import { columns } from '../../src/cli/columns.ts';
import type { Report } from './benchmark.ts';

export function printReport({ title, head, rows, notes }: Report): void {
  const rule = head.map(name => '-'.repeat(name.length));
  console.log(`\n${title}\n\n${columns([head, rule, ...rows])}`);
  for (const note of notes) console.log(note);
  console.log();
}
