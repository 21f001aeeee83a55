/** Who may do what on the control socket: the kernel tells who calls (SO_PEERCRED), this says what they may. */
import { FpmError } from '../../errors.ts';
import type { CommandRule, RawArgs } from './command-rule.ts';

export interface Caller {
  /** For messages. */
  readonly uid: number;
  /** Root, the supervisor's own user, and members of control.group. */
  readonly mayDoAll: boolean;
  /** Pools that run as the caller. */
  readonly ownPools: readonly string[];
  /** Their files. */
  readonly ownFiles: readonly string[];
}

/**
 * Whether there are arguments with which the caller may use the command, asked before any are read.
 * @throws {FpmError} NOT_ALLOWED
 */
export function mayAsk(caller: Caller, rule: CommandRule, rules: readonly CommandRule[]): void {
  if (caller.mayDoAll || (rule.isForPoolUsers && caller.ownPools.length > 0)) return;
  throw notAllowed(caller, rule, rules);
}

/** @throws {FpmError} NOT_ALLOWED */
export function mayUse(
  caller: Caller,
  rule: CommandRule,
  args: RawArgs,
  rules: readonly CommandRule[],
): void {
  if (caller.mayDoAll) return;
  const named = poolsOf(args);
  const isOwn = named.length > 0 && named.every(pool => caller.ownPools.includes(pool));
  if (rule.isForPoolUsers && isOwn) return;
  throw notAllowed(caller, rule, rules);
}

function notAllowed(caller: Caller, { name }: CommandRule, rules: readonly CommandRule[]): FpmError {
  const own =
    caller.ownPools.length === 0
      ? ''
      : `; it may use ${forPoolUsers(rules)} for ${caller.ownPools.join(', ')}, each by name`;
  return new FpmError(
    'NOT_ALLOWED',
    `uid ${caller.uid} may not use ${name} here: root, the supervisor's user and members of control.group may${own}`,
  );
}

function forPoolUsers(rules: readonly CommandRule[]): string {
  const names = rules.filter(({ isForPoolUsers }) => isForPoolUsers).map(({ name }) => name);
  return new Intl.ListFormat('en-GB').format(names);
}

/** The pools that arguments name: every command calls them `pool` or `pools`. */
export function poolsOf({ pools = [], pool = [] }: RawArgs): readonly string[] {
  return [pools, pool].flat().filter(name => typeof name === 'string');
}
