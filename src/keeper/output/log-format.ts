/** How a record looks in the log: a line of JSON as pino writes it, or one for eyes. */
import { jsonText, printable } from '../../printable.ts';

/** One record. More fields may stand beside the known ones; each must be something JSON can hold. */
export interface LogRecord {
  /** pino's numbers: 10 trace, 20 debug, 30 info, 40 warn, 50 error, 60 fatal. */
  readonly level: number;
  /** Milliseconds since the epoch. */
  readonly time: number;
  readonly pool?: string;
  readonly pid?: number;
  readonly stream?: 'stdout' | 'stderr';
  readonly msg: string;
  readonly [field: string]: unknown;
}

/** Turns a finished line of JSON, without its newline, into what is written, with one. */
export type LineFormat = (jsonLine: string) => string;

/** The record as one line of JSON; the known keys come in this order in every line, `msg` last. */
export function jsonLine(record: LogRecord): string {
  const { level, time, pool, pid, stream, msg, ...others } = record;
  return JSON.stringify({ level, time, pool, pid, stream, ...others, msg });
}

export const plainFormat: LineFormat = line => `${line}\n`;

/**
 * For eyes: `[HH:MM:ss.l] LEVEL: message {"other":"fields"}`, as pino-pretty shows a record on a single line. Own code
 * and not pino-pretty itself: that takes 9 MB, and could only be loaded when it is wanted, which may be after its files
 * were replaced or removed.
 */
export function prettyFormat(colorize: boolean): LineFormat {
  const paint = (text: string, colour: number): string =>
    colorize ? `\u001B[${colour}m${text}\u001B[39m` : text;
  return line => {
    const record = parsed(line);
    if (record === null) return `${line}\n`;
    const { level, time, pool, pid, stream, msg, ...others } = record;
    // Our own records name their pool in words.
    const who = stream === undefined ? '' : `${pool}[${pid}] `;
    const { name, colour } = LEVELS.findLast(it => it.from <= level) ?? LOWEST;
    const fields = jsonText(others);
    const rest = fields === '{}' ? '' : ` ${paint(fields, GREY)}`;
    return `[${timeOfDay(time)}] ${paint(name, colour)}: ${paint(printable(`${who}${msg}`), CYAN)}${rest}\n`;
  };
}

/** What is no record is shown as it is. */
function parsed(line: string): LogRecord | null {
  try {
    const value = JSON.parse(line) as Partial<LogRecord> | null;
    return typeof value?.level === 'number' && typeof value.time === 'number' ? (value as LogRecord) : null;
  } catch {
    return null;
  }
}

/** Of the local time zone. */
function timeOfDay(milliseconds: number): string {
  const date = new Date(milliseconds);
  const two = (value: number): string => String(value).padStart(2, '0');
  const fraction = String(date.getMilliseconds()).padStart(3, '0');
  return `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}.${fraction}`;
}

/** Colours of the foreground (ECMA-48: SGR). */
const CYAN = 36;
const GREY = 90;
const LOWEST = { from: 10, name: 'TRACE', colour: GREY };
const LEVELS = [
  LOWEST,
  { from: 20, name: 'DEBUG', colour: 34 },
  { from: 30, name: 'INFO', colour: 32 },
  { from: 40, name: 'WARN', colour: 33 },
  { from: 50, name: 'ERROR', colour: 31 },
  { from: 60, name: 'FATAL', colour: 35 },
];
