/** One contestant with one number of pools: started, measured, and ended whatever came of it. */
import { type OpenPlace, openInner, type Place } from '../lib/place.ts';
import { type Contestant, type Field, type Shape, TooLate } from './pools-field.ts';
import { MEASURES, type Measure, type Running, START, start } from './pools-measures.ts';

/** A number; or what came instead, for people; null: the contestant has nothing of the kind. */
export type Value = number | string | null;

export interface Round {
  readonly contestant: string;
  readonly pools: number;
  /** Measure -> value. */
  readonly values: ReadonlyMap<string, Value>;
  readonly remarks: readonly string[];
}

export interface RoundOptions {
  readonly pools: number;
  readonly workers: number;
  readonly idleSeconds: number;
}

/** A measure that fails ends the daemon; the next one begins with another, so that one failure hides no other. */
export async function measureRound(
  outer: Place,
  contestant: Contestant,
  { pools, workers, idleSeconds }: RoundOptions,
): Promise<Round> {
  const values = new Map<string, Value>();
  const remarks: string[] = [];
  const name = `${contestant.name}, ${pools} pools`;
  const complain = (what: string): void => void remarks.push(`${name}: ${what}`);
  const note = (measure: string, value: Value): void => {
    if (!values.has(measure))
      console.log(`  ${name}: ${measure}: ${typeof value === 'number' ? value.toFixed(2) : (value ?? '-')}`);
    if (!values.has(measure)) values.set(measure, value);
  };
  for (const mode of ['static', 'dynamic'] as const) {
    let opened: { readonly place: OpenPlace; readonly running: Running } | null = null;
    const close = async (): Promise<void> => {
      await opened?.place.close().catch((error: unknown) => complain(String(error)));
      opened = null;
    };
    for (const measure of MEASURES.filter(it => it.mode === mode)) {
      const started = await attempt(async () => {
        opened ??= await begin(outer, contestant, { pools, workers, mode }, note, { idleSeconds, complain });
        return opened.running;
      });
      if (typeof started === 'string') {
        note(START, started);
        complain(`${mode}: not started: ${started}`);
        break;
      }
      const value = await attempt(async () => await measure.take(started));
      note(measure.name, value);
      if (typeof value === 'string') await close();
    }
    await close();
  }
  return { contestant: contestant.name, pools, values, remarks };
}

let begun = 0;

async function begin(
  outer: Place,
  contestant: Contestant,
  shape: Shape,
  note: (measure: string, value: Value) => void,
  rest: Omit<Running, 'field' | 'load'>,
): Promise<{ place: OpenPlace; running: Running }> {
  const place = openInner(outer, `${contestant.name}-${++begun}`);
  try {
    const field: Field = await contestant.open(place, shape);
    const { ms, load } = await start(place, field, shape.pools * shape.workers);
    if (shape.mode === 'static') note(START, ms);
    return { place, running: { field, load, ...rest } };
  } catch (error) {
    await place.close();
    throw error;
  }
}

/** @returns what went wrong, as text for people */
async function attempt<T>(work: () => Promise<T>): Promise<T | string> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof TooLate) return error.message;
    return `failed: ${(error instanceof Error ? error.message : String(error)).split('\n', 1)[0]}`;
  }
}

export function valueText(measure: Pick<Measure, 'unit'>, value: Value): string {
  if (value === null) return '-';
  if (typeof value === 'string') return value;
  if (measure.unit === 'ms') return `${(value / 1000).toFixed(2)} s`;
  return measure.unit === '%' ? `${value.toFixed(2)}%` : String(value);
}
