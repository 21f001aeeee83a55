/** What a person reads whose command line is not understood: what, why, and how it is written. */
import type { Command, CommanderError } from 'commander';

export function usageMessage(error: CommanderError, program: Command, argv: readonly string[]): string {
  const command = program.commands.find(it => it.name() === argv.find(word => isCommand(program, word)));
  const name = command === undefined ? '' : `${command.name()}: `;
  const [text = ''] = error.message.replace(/^error: /, '').split('\n(Did you mean');
  const [, first = '', second = ''] = /'([^']*)'(?:.*?'([^']*)')?/s.exec(text) ?? [];
  const what = { text, first, second, advice: text.split(/ is invalid[^.]*\.\s*/)[1] ?? '' };
  return `${name}${problem(error.code, what)}${suggestion(error.message)}. ${remedy(command)}`;
}

interface What {
  readonly text: string;
  /** What stands in quotes. */
  readonly first: string;
  readonly second: string;
  /** What the parser of the value said. */
  readonly advice: string;
}

function problem(code: string, { text, first, second, advice }: What): string {
  switch (code) {
    case 'commander.help':
      return 'no command is named, or none of these';
    case 'commander.missingArgument':
      return `missing required argument <${first}>`;
    case 'commander.missingMandatoryOptionValue':
      return `missing required option ${first}`;
    case 'commander.optionMissingArgument':
      return `argument missing: ${first} takes a value`;
    case 'commander.invalidArgument': {
      const [where, value] = text.startsWith('option') ? [first, second] : [`<${second}>`, first];
      const must = advice === '' ? 'does not take that' : advice.replace(/^It /, '').replace(/\.$/, '');
      return `${where} ${must}, not "${value}"`;
    }
    default:
      return text.replace(/\.$/, '');
  }
}

function suggestion(message: string): string {
  const near = /\(Did you mean (?:one of )?(.+?)\?\)/.exec(message)?.[1];
  return near === undefined ? '' : ` (did you mean ${near}?)`;
}

function remedy(command: Command | undefined): string {
  if (command === undefined) return '`fpm-ts --help` lists the commands';
  const { usage, name } = { usage: command.usage(), name: command.name() };
  return `Usage: fpm-ts ${name} ${usage}; \`fpm-ts ${name} --help\` explains it`;
}

function isCommand(program: Command, word: string): boolean {
  return program.commands.some(command => command.name() === word);
}
