/** How a record looks in the log: a line of JSON, or a line for people. */
import { oneLine } from '../../printable.ts';

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
  const severity = levelOf(level).name;
  const timestamp = isoTime(time);
  return JSON.stringify({ level, severity, time, timestamp, pool, pid, stream, ...others, msg });
}

export function isoTime(milliseconds: number): string {
  return new Date(milliseconds).toISOString();
}

export const plainFormat: LineFormat = line => `${line}\n`;

/**
 * For people: `DATE TIME LEVEL POOL PID  message field=value`, in local time, `-` where there is no pool or pid.
 * Own code and not pino-pretty: that takes 9 MB, and could only be loaded when it is wanted, which may be after its
 * files were replaced or removed.
 */
export function prettyFormat(colorize: boolean): LineFormat {
  return line => {
    const record = parseRecord(line);
    return record === null ? `${safe(line)}\n` : prettyLine(record, colorize);
  };
}

/** null: the line is not a record. */
export function parseRecord(line: string): LogRecord | null {
  if (!line.startsWith('{')) return null;
  try {
    const { level, time, msg, ...others } = JSON.parse(line) as Partial<LogRecord>;
    if (typeof level !== 'number' || typeof time !== 'number' || Math.abs(time) > MAX_TIME_MS) return null;
    return { level, time, ...others, msg: String(msg ?? '') };
  } catch {
    return null;
  }
}

function prettyLine(record: LogRecord, colorize: boolean): string {
  const { name, colour } = levelOf(record.level);
  const paint = (text: string, with_: number): string =>
    colorize ? `\u001B[${with_}m${text}\u001B[39m` : text;
  const level = paint(name.toUpperCase().padEnd(LEVEL_WIDTH), colour);
  const pool = paint(oneLine(String(record.pool ?? '-')).padEnd(POOL_WIDTH), CYAN);
  const pid = oneLine(String(record.pid ?? '-')).padStart(PID_WIDTH);
  const rest = otherFields(record);
  return `${localTime(record.time)} ${level} ${pool} ${pid}  ${textOf(record)}${rest && paint(rest, GREY)}\n`;
}

/** An application must not be able to imitate a message of fpm-ts: what it wrote begins with the stream. */
function textOf({ pool, stream, msg }: LogRecord): string {
  if (stream !== undefined) return `${oneLine(String(stream))}: ${safe(msg)}`;
  const prefix = `pool ${pool}: `;
  return safe(msg.startsWith(prefix) ? msg.slice(prefix.length) : msg);
}

/**
 * Fields that the text does not contain. The text of an event contains all of its fields
 * (test/unit/observe/log-records.test.ts).
 */
function otherFields(record: LogRecord): string {
  if (typeof record.event === 'string') return '';
  return Object.entries(record)
    .filter(([key]) => !SHOWN.has(key))
    .map(([key, value]) => ` ${safe(key)}=${safe(typeof value === 'string' ? value : JSON.stringify(value))}`)
    .join('');
}

/** One line that is safe for a terminal: the lines of a message are joined, and a tab is spaces. */
function safe(text: string): string {
  return oneLine(text.replaceAll(/\s*\n\s*/g, ' | ').replaceAll('\t', '    '));
}

/** Date and time of day in the local time zone, to the millisecond. */
function localTime(milliseconds: number): string {
  const date = new Date(milliseconds);
  const two = (value: number): string => String(value).padStart(2, '0');
  const day = `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
  const time = `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
  return `${day} ${time}.${String(date.getMilliseconds()).padStart(3, '0')}`;
}

/** pino's number of a level's name; undefined: there is no such level. */
export function levelNumber(name: string): number | undefined {
  return LEVELS.find(it => it.name === name)?.from;
}

function levelOf(level: number): (typeof LEVELS)[number] {
  return LEVELS.findLast(it => it.from <= level) ?? LOWEST;
}

/** The largest time that a Date can hold. */
const MAX_TIME_MS = 8.64e15;
const LEVEL_WIDTH = 5;
const POOL_WIDTH = 12;
const PID_WIDTH = 7;
const SHOWN = new Set(['level', 'severity', 'time', 'timestamp', 'pool', 'pid', 'stream', 'msg']);
/** Colours of the foreground (ECMA-48: SGR). */
const CYAN = 36;
const GREY = 90;
const LOWEST = { from: 10, name: 'trace', colour: GREY };
const LEVELS = [
  LOWEST,
  { from: 20, name: 'debug', colour: 34 },
  { from: 30, name: 'info', colour: 32 },
  { from: 40, name: 'warn', colour: 33 },
  { from: 50, name: 'error', colour: 31 },
  { from: 60, name: 'fatal', colour: 35 },
];
