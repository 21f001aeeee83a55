/**
 * The command table as data: what the help texts are made of, read out of commander for the man page and the
 * completions, so that a new option is in all of them.
 */
import type { Command, Option } from 'commander';
import { createProgram } from '../../src/cli/program.ts';

export interface OptionInfo {
  /** As one types them: ["-c", "--config"]. */
  readonly names: readonly string[];
  readonly description: string;
  /** What stands in the brackets of its value: "file"; null for a switch. */
  readonly value: string | null;
  readonly isValueOptional: boolean;
  readonly choices: readonly string[];
  readonly default: string | null;
}

export interface ArgumentInfo {
  readonly name: string;
  readonly description: string;
  readonly isRequired: boolean;
  readonly isVariadic: boolean;
  readonly choices: readonly string[];
}

export interface CommandInfo {
  readonly name: string;
  readonly description: string;
  /** What stands after the command's name: "[options] [pools...]". */
  readonly usage: string;
  readonly arguments: readonly ArgumentInfo[];
  readonly options: readonly OptionInfo[];
  /** The help text after the options: examples, mostly. */
  readonly after: string;
}

export interface ProgramInfo extends CommandInfo {
  readonly commands: readonly CommandInfo[];
}

/** All that users see; commander's own `help` command is one of them. */
export function programInfo(program: Command = createProgram('main.js')): ProgramInfo {
  const visible = program.createHelp().visibleCommands(program);
  return { ...describe(program), commands: visible.map(describe) };
}

function describe(command: Command): CommandInfo {
  return {
    name: command.name(),
    description: command.description(),
    usage: command.usage(),
    arguments: command.registeredArguments.map(it => ({
      name: it.name(),
      description: it.description,
      isRequired: it.required,
      isVariadic: it.variadic,
      choices: it.argChoices ?? [],
    })),
    options: command.createHelp().visibleOptions(command).map(describeOption),
    after: textAfter(command),
  };
}

function describeOption(option: Option): OptionInfo {
  const takesValue = option.required || option.optional;
  return {
    names: [option.short, option.long].filter(name => name !== undefined),
    description: option.description,
    value: takesValue ? (/[<[](.+?)(?:\.\.\.)?[>\]]/.exec(option.flags)?.[1] ?? 'value') : null,
    isValueOptional: option.optional,
    choices: option.argChoices ?? [],
    default: defaultOf(option),
  };
}

function defaultOf({ defaultValue, defaultValueDescription }: Option): string | null {
  if (defaultValueDescription !== undefined) return defaultValueDescription;
  return typeof defaultValue === 'string' || typeof defaultValue === 'number' ? String(defaultValue) : null;
}

/** addHelpText('after') is known to nobody but who prints the help. */
function textAfter(command: Command): string {
  let text = '';
  command.configureHelp({ helpWidth: 80 }); // whatever terminal this is run on
  command.configureOutput({
    writeOut: part => {
      text += part;
    },
  });
  command.outputHelp();
  return text.slice(command.helpInformation().length).trim();
}
