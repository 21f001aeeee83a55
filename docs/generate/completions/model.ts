/** What a shell offers at which place of the line: the command table, with what kind of word each value is. */
import { type CommandInfo, type OptionInfo, type ProgramInfo, programInfo } from '../commands.ts';

/** A list is one of these words. */
export type Kind = 'file' | 'directory' | 'pool' | 'user' | 'group' | 'other' | readonly string[];

export interface CompletedOption {
  readonly names: readonly string[];
  readonly description: string;
  /** null: a switch. */
  readonly value: Kind | null;
}

export interface CompletedArgument {
  readonly name: string;
  readonly kind: Kind;
  readonly isVariadic: boolean;
}

export interface CompletedCommand {
  readonly name: string;
  readonly description: string;
  readonly options: readonly CompletedOption[];
  readonly arguments: readonly CompletedArgument[];
}

export interface Completed {
  /** Before a command's name. */
  readonly options: readonly CompletedOption[];
  /** With their own options and those that may stand anywhere. */
  readonly commands: readonly CompletedCommand[];
}

/** By the name in the brackets of an option's value, or of an argument. */
const KINDS: Readonly<Record<string, Kind>> = {
  file: 'file',
  'socket-or-port': 'file',
  directory: 'directory',
  pool: 'pool',
  pools: 'pool',
  user: 'user',
  group: 'group',
  app: 'file',
};

export function completed(program: ProgramInfo = programInfo()): Completed {
  const names = program.commands.map(({ name }) => name);
  const anywhere = program.options.filter(option => !/^--(version|help)$/.test(option.names.at(-1) ?? ''));
  return {
    options: program.options.map(completedOption),
    commands: program.commands.map(command => completedCommand(command, anywhere, names)),
  };
}

function completedCommand(
  command: CommandInfo,
  anywhere: readonly OptionInfo[],
  commands: readonly string[],
): CompletedCommand {
  const own = command.options.flatMap(({ names }) => names);
  // One that has such a name for itself (`spawn`, as spawn-fcgi) takes its line apart alone.
  const isAlone = anywhere.some(({ names }) => names.some(name => own.includes(name)));
  return {
    name: command.name,
    description: short(command.description),
    options: [...command.options, ...(isAlone ? [] : anywhere)].map(completedOption),
    arguments: command.arguments.map(({ name, choices, isVariadic }) => ({
      name,
      kind: name === 'command' ? commands : kindOf(name, choices),
      isVariadic,
    })),
  };
}

function completedOption(option: OptionInfo): CompletedOption {
  // Where an option takes a path it is one of files; the argument of `request` is one of a URL.
  const name = option.value === 'path' ? 'file' : option.value;
  const value = name === null ? null : kindOf(name, option.choices);
  return { names: option.names, description: short(option.description), value };
}

function kindOf(name: string, choices: readonly string[]): Kind {
  return choices.length > 0 ? choices : (KINDS[name] ?? 'other');
}

/** The first sentence or part of it, without a full stop: there is one line for it. */
function short(description: string): string {
  return (/^(.*?)(?:[.;:] |\.?$)/s.exec(description)?.[1] ?? description).replaceAll('`', '');
}

/** In single quotes, for bash and zsh. */
export function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

export const GENERATED = 'Generated from the command table (src/cli/) by npm run generate.';
