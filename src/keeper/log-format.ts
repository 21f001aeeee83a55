/** How a record looks in the log: a line of JSON as pino writes it, or, for eyes, pino-pretty's. */
import type { PrettyOptions } from 'pino-pretty';

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

/** pino-pretty costs memory and time to load, so only whoever wants it pays for it. */
export async function prettyFormat(colorize: boolean): Promise<LineFormat> {
  const { prettyFactory } = await import('pino-pretty');
  const options: PrettyOptions = {
    colorize,
    singleLine: true,
    translateTime: 'SYS:HH:MM:ss.l',
    ignore: 'hostname,pid,pool,stream',
    messageFormat: (record, messageKey) => {
      // Our own records name their pool in words.
      const isWorkers = record.stream !== undefined;
      const who = isWorkers ? `${String(record.pool)}[${String(record.pid)}] ` : '';
      return `${who}${String(record[messageKey])}`;
    },
  };
  return prettyFactory(options);
}
