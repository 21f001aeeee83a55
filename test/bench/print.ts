/** A report as a table for people. */
import Table from 'cli-table3';
import type { Report } from './benchmark.ts';

export function printReport({ title, head, rows, notes }: Report): void {
  const table = new Table({ head: [...head], style: { head: [], border: [] } });
  table.push(...rows.map(row => [...row]));
  console.log(`\n${title}\n${table.toString()}`);
  for (const note of notes) console.log(note);
  console.log();
}
