/** Who may do what on the control socket: the kernel tells who calls (SO_PEERCRED), this says what they may. */
import { FpmError } from '../errors.ts';
import { COMMANDS, type CommandName } from './commands.ts';
import type { Args } from './types.ts';

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
export function mayAsk(caller: Caller, name: CommandName): void {
  if (caller.mayDoAll || (COMMANDS[name].isForPoolUsers && caller.ownPools.length > 0)) return;
  throw notAllowed(caller, name);
}

/** @throws {FpmError} NOT_ALLOWED */
export function mayUse(caller: Caller, name: CommandName, args: Args<CommandName>): void {
  if (caller.mayDoAll) return;
  const named = poolsOf(args);
  const isOwn = named.length > 0 && named.every(pool => caller.ownPools.includes(pool));
  if (COMMANDS[name].isForPoolUsers && isOwn) return;
  throw notAllowed(caller, name);
}

function notAllowed(caller: Caller, name: CommandName): FpmError {
  const own =
    caller.ownPools.length === 0
      ? ''
      : `; it may use ${forPoolUsers()} for ${caller.ownPools.join(', ')}, each by name`;
  return new FpmError(
    'NOT_ALLOWED',
    `uid ${caller.uid} may not use ${name} here: root, the supervisor's user and members of control.group may${own}`,
  );
}

function forPoolUsers(): string {
  const names = (Object.keys(COMMANDS) as CommandName[]).filter(name => COMMANDS[name].isForPoolUsers);
  return new Intl.ListFormat('en-GB').format(names);
}

function poolsOf(args: Args<CommandName>): readonly string[] {
  if ('pools' in args) return args.pools ?? [];
  return 'pool' in args && args.pool !== undefined ? [args.pool] : [];
}
