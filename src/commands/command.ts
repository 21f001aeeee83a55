/**
 * A command of the control socket, declared once. Server, client, command line, docs/openapi.json, completions and man
 * page are made of the declaration. A client must be quick, and zod takes it 50 ms to load: so a schema is a function
 * of zod, which only those call that have loaded it (the supervisor, the generator, tests).
 */
import type * as zod from 'zod';
import type { Caller } from '../keeper/supervision/access.ts';
import type { CommandRule, RawArgs } from '../keeper/supervision/command-rule.ts';
import type { Service } from './service.ts';

export type Z = typeof zod;
type Schema = zod.ZodType;
type SchemaOf = (z: Z) => Schema;

/** What a schema lets through. */
export type Output<S extends SchemaOf> = Frozen<zod.output<ReturnType<S>>>;

type Frozen<T> = T extends readonly (infer E)[]
  ? readonly Frozen<E>[]
  : T extends object
    ? { readonly [K in keyof T]: Frozen<T[K]> }
    : T;

/** Who asks, and for how long. */
export interface Asking {
  readonly caller: Caller;
  /** Aborted when the client has left. */
  readonly left: AbortSignal;
}

export interface Command<N extends string, A extends SchemaOf, R extends SchemaOf> extends CommandRule {
  readonly name: N;
  /** What it does, as `--help` and the documents say it. */
  readonly summary: string;
  /** When it is answered and what else only a client of HTTP has to know. */
  readonly http?: string;
  /** Asked again, because the supervisor ended before it answered, it does no more than what it was asked for. */
  mayBeRepeated(args: Output<A>): boolean;
  readonly keeperCan: (args: RawArgs) => boolean;
  /** The pools that it names are called `pool` or `pools` (access.ts). */
  readonly args: A;
  readonly result: R;
  run(args: Output<A>, service: Service, asking: Asking): Promise<Output<R>> | Output<R>;
  readonly line: CommandLine;
  /** What people read of the result; where that takes more, the command line has a file for it (cli/). */
  text?(this: void, result: Output<R>): string;
}

/** How it is typed. */
export interface CommandLine {
  /** Where the command line does more than the command. */
  readonly summary?: string;
  readonly arguments: readonly LineArgument[];
  readonly options?: readonly LineOption[];
  readonly examples: readonly string[];
  /** Paragraphs above the examples. */
  readonly notes?: string;
}

export interface LineArgument {
  /** In the field's notation: `<pool>`, `[pools...]`. */
  readonly form: string;
  /** Of the arguments of the command, the one that it is. */
  readonly arg: string;
  readonly help?: string;
  readonly value?: ValueKind;
}

export interface LineOption {
  readonly flags: string;
  readonly help: string;
  /** Of the arguments of the command, the one that it sets; without it the command line itself heeds it. */
  readonly arg?: string;
  readonly isRequired?: boolean;
  readonly value?: ValueKind;
}

export interface ValueKind {
  /** For whom typed something else: "a whole number from 0 to 9". */
  readonly expected: string;
  /** null: it is something else. */
  readonly parse: (text: string) => unknown;
}

export function wholeNumber(least: number, most: number, what = 'a whole number'): ValueKind {
  return {
    expected: `${what} from ${least} to ${most}`,
    parse: text => {
      const value = Number(text);
      return /^\d{1,10}$/.test(text) && value >= least && value <= most ? value : null;
    },
  };
}

/** Gives a declaration its types. */
export function command<const N extends string, A extends SchemaOf, R extends SchemaOf>(
  declared: Command<N, A, R>,
): Command<N, A, R> {
  return declared;
}

/** Parts of schemas that several commands have. */
export function poolName(z: Z): zod.ZodString {
  return z.string().min(1).meta({ description: 'Name of a pool.' });
}

/** Arguments of a command on pools that are named. */
export function namedPools(z: Z): zod.ZodObject<{ pools: zod.ZodArray<zod.ZodString> }, zod.core.$strict> {
  return z.strictObject({ pools: poolNames(z).min(1) });
}

export function poolNames(z: Z): zod.ZodArray<zod.ZodString> {
  return z.array(poolName(z)).meta({ description: 'Names of pools.' });
}
