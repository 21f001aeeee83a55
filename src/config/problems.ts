/** What is wrong with a configuration: one value per mistake, and how it reads on a terminal and in JSON. */
import { type ErrorCode, FpmError, type Part } from '../errors.ts';
import { oneLine } from '../printable.ts';

export interface Problem {
  /** A notice is said and changes nothing; any error keeps the configuration from being used. */
  readonly severity: 'error' | 'notice';
  readonly code: ErrorCode;
  /** What is wrong, without place and key; complete without `found` and `allowed`. */
  readonly message: string;
  readonly file: string | null;
  /** From 1; null where a file as a whole is meant. */
  readonly line: number | null;
  /** From 1, in UTF-16 units as editors count. */
  readonly column: number | null;
  /** In dotted form, such as `listen.mode`. */
  readonly key: string | null;
  readonly found: string | null;
  readonly allowed: string | null;
  /** What to do about it: where it can be, the corrected line. */
  readonly remedy: string | null;
  /** What the pool's user reads in the place of `message`, which tells of others; null: the message. */
  readonly forPoolUser: string | null;
}

/**
 * By pool, the errors that keep that pool alone from being started or reloaded. What stands in the administrator's
 * files is right or refused as a whole; what these lead to, a pool's user may change, and harms no other pool.
 */
export type Obstacles = ReadonlyMap<string, readonly Problem[]>;

/** All of them, a pool that is named twice once; without pools that have none. */
export function obstaclesOf(found: Iterable<readonly [pool: string, errors: readonly Problem[]]>): Obstacles {
  const byPool = new Map<string, readonly Problem[]>();
  for (const [pool, errors] of found)
    if (errors.length > 0) byPool.set(pool, [...(byPool.get(pool) ?? []), ...errors]);
  return byPool;
}

/** Where a problem is; what `Sources.place` answers fits. */
export interface ProblemPlace {
  readonly file: string | null;
  readonly line?: number | null;
  readonly column?: number | null;
}

/** `file:line`, to name another place in a message. */
export function placeText({ file, line = null }: ProblemPlace): string {
  return line === null ? `${file}` : `${file}:${line}`;
}

interface ProblemParts {
  readonly key?: string | null;
  readonly found?: string | null;
  readonly allowed?: string | null;
  readonly remedy?: string | null;
  readonly forPoolUser?: string | null | undefined;
}

/** An error, or with `severity` a notice, at a place. */
export function problem(
  code: ErrorCode,
  place: ProblemPlace,
  message: string,
  parts: ProblemParts = {},
  severity: Problem['severity'] = 'error',
): Problem {
  return {
    severity,
    code,
    message,
    file: place.file,
    line: place.line ?? null,
    column: place.column ?? null,
    key: parts.key ?? null,
    found: parts.found ?? null,
    allowed: parts.allowed ?? null,
    remedy: parts.remedy ?? null,
    forPoolUser: parts.forPoolUser ?? null,
  };
}

/** `file:line:column: key: what` and the remedy indented below it, as compilers write and editors jump to. */
export function formatProblem(it: Problem): string {
  const place = [it.file === null ? null : oneLine(it.file), it.line, it.column]
    .filter(part => part !== null)
    .join(':');
  const head = [place, it.severity === 'notice' ? 'notice' : '', it.key ?? '', oneLine(it.message)];
  const text = head.filter(part => part !== '').join(': ');
  return it.remedy === null ? text : `${text}\n${indent(it.remedy)}`;
}

/** What is wrong with one pool, as one line, which its user reads as well. `fpm-ts check` tells the administrator all. */
export function describeObstacle(errors: readonly Problem[]): string {
  return sortProblems(errors)
    .map(it => forPoolUser(it).replace(/\n\s*/g, '; '))
    .join('; ');
}

function forPoolUser(it: Problem): string {
  return formatProblem(it.forPoolUser === null ? it : { ...it, message: it.forPoolUser });
}

function indent(text: string): string {
  return text
    .split('\n')
    .map(line => `  ${line}`)
    .join('\n');
}

/** By file, then by line and column; without duplicates, since ten pools may share one mistaken default. */
export function sortProblems(problems: readonly Problem[]): Problem[] {
  const unique = new Map(problems.map(it => [JSON.stringify(it), it]));
  return [...unique.values()].sort(
    (a, b) => compare(a.file ?? '', b.file ?? '') || order(a.line, b.line) || order(a.column, b.column),
  );
}

function order(a: number | null, b: number | null): number {
  return (a ?? 0) - (b ?? 0);
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

export function hasErrors(problems: readonly Problem[]): boolean {
  return problems.some(it => it.severity === 'error');
}

/**
 * All errors as the one that ends a command: code and place are those of the first, the message holds every
 * one of them as `formatProblem` writes it. There must be at least one error.
 */
export function toFpmError(problems: readonly Problem[]): FpmError {
  const errors = problems.filter(it => it.severity === 'error');
  const first = errors[0];
  if (!first) throw new RangeError('no error among the problems');
  return new FpmError(first.code, errors.map(formatProblem).join('\n'), placeOf(first), errors.map(partOf));
}

/** One problem, and whose it is. */
export function partOf(it: Problem): Part {
  return { pool: null, file: it.file, text: forPoolUser(it) };
}

function placeOf(it: Problem): FpmError['place'] {
  return {
    ...(it.file === null ? {} : { file: it.file }),
    ...(it.line === null ? {} : { line: it.line }),
    ...(it.column === null ? {} : { column: it.column }),
    ...(it.key === null ? {} : { key: it.key }),
  };
}

/** For `--json`: `{"error":{"code","message","file","line","column","key"}}` with all problems beside it. */
export function problemsToJson(found: readonly Problem[]): object {
  const problems = found.map(it => ({ ...it, forPoolUser: undefined })); // which JSON leaves out
  const first = problems.find(it => it.severity === 'error');
  if (!first) return { problems };
  const { code, message, file, line, column, key } = first;
  return { error: { code, message, file, line, column, key }, problems };
}
