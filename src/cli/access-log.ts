/** nginx's access log: a `log_format` as a pattern, and what a line of it says of the time of a request. Pure. */

export interface Ended {
  readonly endMs: number;
  /** From its arrival at nginx to its end. */
  readonly totalMs: number;
  /** How long the upstream had it. */
  readonly serviceMs: number;
  /** The end is known to the second only. */
  readonly isCoarse: boolean;
}

/** nginx's own `combined`, with the times behind it. */
export const DEFAULT_FORMAT =
  '$remote_addr - $remote_user [$time_local] "$request" $status $body_bytes_sent "$http_referer" "$http_user_agent" $msec $request_time $upstream_response_time';

/** What to put into nginx.conf. */
export const NGINX_LINES: string = `log_format fpm_ts '${DEFAULT_FORMAT}';\naccess_log /var/log/nginx/www.log fpm_ts;`;

/** nginx writes milliseconds always; what another program made of its lines may not. */
const SECONDS = '\\d+(?:\\.\\d+)?';

/** Others stand for any text. A request that no upstream has seen has "-" for its time. */
const PATTERNS: Readonly<Record<string, string>> = {
  msec: SECONDS,
  time_local: '\\d{2}/\\w{3}/\\d{4}:\\d{2}:\\d{2}:\\d{2} [+-]\\d{4}',
  time_iso8601: '\\d{4}-\\d{2}-\\d{2}T\\d{2}:\\d{2}:\\d{2}[+-]\\d{2}:\\d{2}',
  request_time: SECONDS,
  upstream_response_time: '[\\d., :-]+',
};
const ENDS = ['msec', 'time_iso8601', 'time_local'];
const DURATIONS = ['upstream_response_time', 'request_time'];

export type LineReader = (line: string) => Ended | 'not-upstream' | null;

/** @returns what reads a line (null: it is not of this format), or which variables the format lacks, in words */
export function lineReader(format: string): LineReader | string {
  const parts = partsOf(format);
  const names = parts.flatMap(({ name }) => name ?? []);
  const end = ENDS.find(name => names.includes(name));
  const duration = DURATIONS.find(name => names.includes(name));
  if (end === undefined) return 'when a request ended: $msec, $time_iso8601 or $time_local';
  if (duration === undefined) return 'how long a request took: $request_time or $upstream_response_time';
  const expression = new RegExp(`^${parts.map(({ pattern }) => pattern).join('')}$`);
  const at = (name: string): number => names.indexOf(name) + 1;
  return line => {
    const match = expression.exec(line);
    if (match === null) return null;
    const took = match[at(duration)] ?? '';
    if (/^-?$/.test(took)) return 'not-upstream';
    const serviceMs = milliseconds(took);
    const totalMs = names.includes('request_time')
      ? milliseconds(match[at('request_time')] ?? '')
      : serviceMs;
    const endMs = END_OF[end]?.(match[at(end)] ?? '') ?? Number.NaN;
    if (Number.isNaN(endMs)) return null; // the 32nd of a month
    return { endMs, totalMs: Math.max(totalMs, serviceMs), serviceMs, isCoarse: end !== 'msec' };
  };
}

/** @returns at which part of the format a line that is not of it first differs, in words */
export function departure(format: string, line: string): string {
  let pattern = '^';
  for (const part of partsOf(format)) {
    pattern += part.pattern;
    if (!new RegExp(pattern).test(line)) return part.name === null ? `'${part.text}'` : part.text;
  }
  return new RegExp(`${pattern}$`).test(line) ? 'its time, which is none of a calendar' : 'its end';
}

interface Part {
  readonly text: string;
  /** Of a variable; null for text that stands for itself. */
  readonly name: string | null;
  readonly pattern: string;
}

function partsOf(format: string): Part[] {
  return [...format.matchAll(/\$\{?(\w+)\}?|[^$]+/g)].map(([text, name]) => ({
    text,
    name: name ?? null,
    pattern:
      name === undefined ? text.replace(/[.*+?^${}()|[\]\\/]/g, '\\$&') : `(${PATTERNS[name] ?? '.*?'})`,
  }));
}

const END_OF: Readonly<Record<string, (text: string) => number>> = {
  msec: text => Math.round(Number(text) * 1000),
  time_iso8601: Date.parse,
  // 21/Nov/2026:12:00:00 +0100
  time_local: text => Date.parse(text.replaceAll('/', ' ').replace(':', ' ')),
};

/** Several upstreams, one after the other, stand with commas and colons between them; "-" for one that gave none. */
function milliseconds(text: string): number {
  return Math.round(1000 * text.split(/[,:]/).reduce((sum, part) => sum + (Number(part.trim()) || 0), 0));
}

/** Ends that are known to the second only are spread over it, in their order: otherwise every second begins with a burst. */
export class Spread {
  readonly #emit: (ended: Ended) => void;
  #held: Ended[] = [];

  constructor(emit: (ended: Ended) => void) {
    this.#emit = emit;
  }

  take(ended: Ended): void {
    if (!ended.isCoarse) this.#emit(ended);
    else {
      if (this.#held[0]?.endMs !== ended.endMs) this.finish();
      this.#held.push(ended);
    }
  }

  finish(): void {
    const held = this.#held;
    this.#held = [];
    for (const [index, ended] of held.entries())
      this.#emit({ ...ended, endMs: ended.endMs + ((index + 0.5) / held.length) * 1000 });
  }
}
