/** Durations, sizes and modes as people write them, to numbers with a unit and back. Pure; no schema here. */

/** Longest timer that Node keeps: setTimeout takes 32 bits of milliseconds. */
export const DURATION_MAX_MS = 2_147_483_647;

const DURATION = /^(\d+(?:\.\d+)?)(ms|s|m|h|d)?$/;
const MS_PER_UNIT: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
};

const SIZE = /^(\d+(?:\.\d+)?)([KMGT]?)$/i;
const BYTES_PER_UNIT: Readonly<Record<string, number>> = { K: 2 ** 10, M: 2 ** 20, G: 2 ** 30, T: 2 ** 40 };

/** `500ms`, `10s`, `5m`, `1h`, `1d`, or a number of seconds; null when it is none of these or too long. */
export function parseDurationMs(value: string | number): number | null {
  const match = DURATION.exec(String(value));
  if (!match) return null;
  const ms = Math.round(Number(match[1]) * (MS_PER_UNIT[match[2] ?? 's'] ?? 1000));
  return ms <= DURATION_MAX_MS ? ms : null;
}

/** The shortest spelling that `parseDurationMs` reads back; 0 is the number that switches a timeout off. */
export function formatDuration(ms: number): string | number {
  if (ms === 0) return 0;
  for (const unit of ['h', 'm', 's']) {
    const size = MS_PER_UNIT[unit] ?? 1;
    if (ms % size === 0) return `${ms / size}${unit}`;
  }
  return `${ms}ms`;
}

/** `64K`, `256M`, `1G` (powers of 1024), or bytes; null when it is none of these. */
export function parseSizeBytes(value: string | number): number | null {
  const match = SIZE.exec(String(value));
  if (!match) return null;
  const bytes = Number(match[1]) * (BYTES_PER_UNIT[(match[2] ?? '').toUpperCase()] ?? 1);
  return Number.isSafeInteger(bytes) ? bytes : null;
}

/** The shortest spelling that `parseSizeBytes` reads back. */
export function formatSize(bytes: number): string {
  if (bytes === 0) return '0';
  for (const unit of ['T', 'G', 'M', 'K']) {
    const size = BYTES_PER_UNIT[unit] ?? 1;
    if (bytes % size === 0) return `${bytes / size}${unit}`;
  }
  return String(bytes);
}

/** A string of three octal digits, with or without a leading zero: `0660`, `22` is not one. */
export const OCTAL_MODE: RegExp = /^0?[0-7]{3}$/;

/** 432 becomes `0660`. */
export function formatMode(mode: number): string {
  return mode.toString(8).padStart(4, '0');
}

/** `10%` becomes 0.1; null outside 0% to 100%. */
export function parsePercent(text: string): number | null {
  const match = /^(\d+(?:\.\d+)?)%$/.exec(text);
  const fraction = match ? Number(match[1]) / 100 : Number.NaN;
  return fraction <= 1 ? fraction : null;
}

/** Rounded, because 0.07 * 100 is not 7. */
export function formatPercent(fraction: number): string {
  return `${Number((fraction * 100).toFixed(10))}%`;
}
