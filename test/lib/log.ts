/** The daemon's JSON log as the tests read it: one pino record a line, levels as numbers. */
import { readFileSync } from 'node:fs';

export const LEVEL = { debug: 20, info: 30, warn: 40, error: 50 } as const;

export interface LogRecord {
  readonly level: number;
  readonly msg?: string;
  readonly [field: string]: unknown;
}

/** The records written so far; a last line without its newline is still being written. Throws on other text. */
export function readLog(file: string): LogRecord[] {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
  return text
    .split('\n')
    .slice(0, -1)
    .map(line => JSON.parse(line) as LogRecord);
}

/** Warnings and errors that no pattern names; a pattern is held against the whole record as JSON. */
export function unexpectedRecords(records: readonly LogRecord[], expected: readonly RegExp[]): LogRecord[] {
  return records.filter(
    record => record.level >= LEVEL.warn && !expected.some(pattern => pattern.test(JSON.stringify(record))),
  );
}
