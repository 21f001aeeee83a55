/** Rows of text in columns, for a terminal or a file. */
import { oneLine } from '../printable.ts';

/** Each column is as wide as its widest cell, two blanks apart; nothing stands behind the last cell of a row. */
export function columns(cells: readonly (readonly string[])[]): string {
  const rows = cells.map(row => row.map(oneLine)); // before they are measured
  const widths: number[] = [];
  for (const row of rows)
    for (const [i, cell] of row.entries()) widths[i] = Math.max(widths[i] ?? 0, cell.length);
  return rows
    .map(row => row.map((cell, i) => (i === row.length - 1 ? cell : cell.padEnd(widths[i] ?? 0))).join('  '))
    .join('\n');
}
