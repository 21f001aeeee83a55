/** Which lines `fpm-ts logs` shows: by their time and their level. */
import { InvalidArgumentError } from 'commander';
import { parseDurationMs } from '../../config/values.ts';
import { levelNumber } from '../../keeper/output/log-format.ts';
import { logLine } from './log-line.ts';

export interface LogFilter {
  /** Milliseconds since the epoch. */
  readonly sinceMs: number | undefined;
  /** pino's number. */
  readonly level: number | undefined;
}

/** A line without a time or a level, such as one of a program that fpm-ts did not write, is left out where one is asked for. */
export function passes(line: string, { sinceMs, level }: LogFilter): boolean {
  if (sinceMs === undefined && level === undefined) return true;
  const it = logLine(line);
  if (sinceMs !== undefined && (it.timeMs === null || it.timeMs < sinceMs)) return false;
  return level === undefined || (it.level !== null && it.level >= level);
}

/** @param text a duration before now, such as 10m, or a date and time of ISO 8601 */
export function sinceOf(text: string): number {
  const durationMs = parseDurationMs(text);
  if (durationMs !== null) return Date.now() - durationMs;
  const timeMs = /^\d{4}-\d\d-\d\d/.test(text) ? Date.parse(text) : Number.NaN;
  if (Number.isNaN(timeMs))
    throw new InvalidArgumentError('It must be a duration such as 10m, or a date such as 2026-01-31T12:00.');
  return timeMs;
}

export function levelOption(text: string): number {
  const level = levelNumber(text);
  if (level === undefined)
    throw new InvalidArgumentError('It must be trace, debug, info, warn, error or fatal.');
  return level;
}
