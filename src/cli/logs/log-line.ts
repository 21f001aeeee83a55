/** A line of a log: whose it is and from when, whichever of our formats it has. */
import { type LogRecord, levelNumber, parseRecord } from '../../keeper/output/log-format.ts';

export interface LogLine {
  readonly text: string;
  /** null: the line is not a record of JSON. */
  readonly record: LogRecord | null;
  /** null: the line has no time. */
  readonly timeMs: number | null;
  /** pino's number; null: the line has none. */
  readonly level: number | null;
}

/** As prettyFormat writes it. */
const PRETTY = /^(\d{4}-\d\d-\d\d) (\d\d:\d\d:\d\d\.\d{3}) ([A-Z]+) +(\S+) +(?:\d+|-) {2}/;

export function logLine(text: string): LogLine {
  const record = parseRecord(text);
  if (record !== null) return { text, record, timeMs: record.time, level: record.level };
  const [, day, time, level = ''] = PRETTY.exec(text) ?? [];
  const timeMs = Date.parse(`${day}T${time}`);
  return {
    text,
    record: null,
    timeMs: Number.isNaN(timeMs) ? null : timeMs,
    level: levelNumber(level.toLowerCase()) ?? null,
  };
}

/** @param isTheirs whether lines that say nothing of a pool are this pool's */
export function isOfPool(text: string, pool: string, isTheirs: boolean): boolean {
  const record = text.includes(pool) ? parseRecord(text) : null;
  if (record !== null) return concerns(record, pool);
  const shown = PRETTY.exec(text)?.[4];
  if (shown !== undefined) return shown === pool;
  return isTheirs && parseRecord(text) === null;
}

function concerns({ pool, pools, stream, msg }: LogRecord, name: string): boolean {
  if (pool !== undefined || stream !== undefined) return pool === name;
  if (Array.isArray(pools) && pools.includes(name)) return true;
  return msg.startsWith(`pool ${name}: `) || msg.startsWith(`pool ${name} `);
}
