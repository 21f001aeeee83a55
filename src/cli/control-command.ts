/**
 * A command of the control socket on the command line, made of its declaration (src/commands/): usage, options, help,
 * what is asked, and what is printed. Commands that have more to do than to print an answer have a file here for that.
 */
import { type Command, Option } from 'commander';
import type { CommandLine, ValueKind } from '../commands/command.ts';
import { type Args, type CommandName, commandNamed, type Result } from '../commands/commands.ts';
import { FpmError } from '../errors.ts';
import { callSupervisor, type GlobalOptions, globals, print, printJson } from './context.ts';
import { example } from './example.ts';

/** What a command does with what was typed. */
export type Action<N extends CommandName> = (
  args: Partial<Args<N>>,
  common: GlobalOptions,
  /** All options, also those that are no arguments of the command. */
  options: Readonly<Record<string, unknown>>,
) => Promise<void>;

/** @param action by default the supervisor is asked, and the declaration says what is printed of its answer */
export function registerControlCommand<N extends CommandName>(
  program: Command,
  name: N,
  action: Action<N> = asked(name),
): void {
  const { line, summary } = commandNamed(name) as Declared;
  const command = program.command(name).description(line.summary ?? summary);
  for (const { form, help = '', value } of line.arguments) {
    if (value === undefined) command.argument(form, help);
    else command.argument(form, help, parserOf(name, form, value, line.examples));
  }
  const declared = (line.options ?? []).map(({ flags, help, arg, value, isRequired = false }) => {
    const option = new Option(flags, help).makeOptionMandatory(isRequired);
    if (value !== undefined) option.argParser(parserOf(name, flags, value, line.examples));
    command.addOption(option);
    return { arg, attribute: option.attributeName() };
  });
  if (line.notes !== undefined) command.addHelpText('after', `\n${line.notes}`);
  command.addHelpText('after', example(...line.examples));
  command.action(async () => {
    const options = command.opts<Record<string, unknown>>();
    const given = [
      ...line.arguments.map((it, at): Given => [it.arg, command.processedArgs[at]]),
      ...declared.map(({ arg, attribute }): Given => [arg, options[attribute]]),
    ];
    await action(argumentsOf(given) as Partial<Args<N>>, globals(command), options);
  });
}

interface Declared {
  readonly summary: string;
  readonly line: CommandLine;
  readonly text?: (this: void, result: unknown) => string;
}

type Given = readonly [arg: string | undefined, value: unknown];

/** What was not typed is not asked for. */
function argumentsOf(given: readonly Given[]): object {
  return Object.fromEntries(
    given.filter(
      ([arg, value]) =>
        arg !== undefined && value !== undefined && !(Array.isArray(value) && value.length === 0),
    ),
  );
}

function asked<N extends CommandName>(name: N): Action<N> {
  return async (args, common) => {
    const result = await callSupervisor(common, name, args as Args<N>);
    const { text } = commandNamed(name) as Declared;
    if (common.json === true || text === undefined) printJson(result);
    else print(text(result));
  };
}

/** As the default, with more to print than text on stdout. */
export function printing<N extends CommandName>(
  name: N,
  show: (result: Result<N>) => void,
  ask: (common: GlobalOptions, args: Args<N>) => Promise<Result<N>> = (common, args) =>
    callSupervisor(common, name, args),
): Action<N> {
  return async (args, common) => {
    const result = await ask(common, args as Args<N>);
    if (common.json === true) printJson(result);
    else show(result);
  };
}

/** @throws {FpmError} USAGE, from the parser */
function parserOf(
  name: string,
  form: string,
  { expected, parse }: ValueKind,
  [first = '']: readonly string[],
): (text: string) => unknown {
  return text => {
    const value = parse(text);
    if (value !== null) return value;
    throw new FpmError('USAGE', `${name}: ${form} must be ${expected}, not "${text}"; for example: ${first}`);
  };
}
