/** The manual pages: fpm-ts(8) from the command table, fpm-ts.toml(5) from the schema. */
import { readFileSync } from 'node:fs';
import { type FileKind, KEYS } from '../../../src/config/schema.ts';
import { EXIT } from '../../../src/errors.ts';
import { VERSION } from '../../../src/version.ts';
import { type ArgumentInfo, type CommandInfo, type OptionInfo, programInfo } from '../commands.ts';
import { EXIT_MEANINGS } from '../errors.ts';
import { factsOf } from '../reference.ts';
import { bold, filled, inlineMarkdown, italic, literal, ManPage } from './roff.ts';

const SOURCE = `fpm-ts ${VERSION}`;
const MANUAL = 'fpm-ts';

export function commandPage(): string {
  const program = programInfo();
  const page = new ManPage({ name: 'fpm-ts', section: 8, source: SOURCE, manual: MANUAL });
  page.section('Name');
  page.raw(...filled(`${literal('fpm-ts')} \\- ${inlineMarkdown(asTitle(program.description))}`));
  page.section('Synopsis');
  page.raw(
    ...filled(
      `${bold('fpm-ts')} [${bold('-c')} ${italic('file')}] [${bold('--json')}] ${italic('command')} ...`,
    ),
  );
  const [before = '', after = ''] = text('fpm-ts.8.md').split('<!-- generated -->');
  page.markdown(before);
  page.section('Options');
  for (const option of program.options) tagOption(page, option);
  page.section('Commands');
  for (const command of program.commands) describeCommand(page, command);
  page.section('Exit status');
  for (const [name, code] of Object.entries(EXIT))
    page.tagged(`**${code}**`, sentence(EXIT_MEANINGS[name as keyof typeof EXIT]));
  page.markdown(after);
  return page.toString();
}

export function configurationManPage(): string {
  const page = new ManPage({ name: 'fpm-ts.toml', section: 5, source: SOURCE, manual: MANUAL });
  page.section('Name');
  page.raw(`${literal('fpm-ts.toml')} \\- configuration of ${literal('fpm-ts')}`);
  page.section('Synopsis');
  page.raw('/etc/fpm\\-ts/fpm\\-ts.toml', '.br', '/etc/fpm\\-ts/pools.d/*.toml');
  // The page's own first heading is the title that is already there.
  page.markdown(text('../configuration-intro.md').replace(/^# Configuration$/m, '## Description'));
  for (const kind of ['global', 'pool'] as const) keys(page, kind);
  page.section('See also');
  page.raw(`${bold('fpm-ts')}(8)`);
  return page.toString();
}

const KEY_TITLES: Readonly<Record<FileKind, string>> = {
  global: 'Keys of fpm-ts.toml',
  pool: 'Keys of a pool file',
};

function keys(page: ManPage, kind: FileKind): void {
  page.section(KEY_TITLES[kind]);
  for (const key of KEYS[kind].values()) {
    page.tagged(`\`${key.name}\``, key.meta.description);
    page.facts(factsOf(key, kind));
  }
}

function describeCommand(page: ManPage, command: CommandInfo): void {
  page.subsection(`fpm-ts ${command.name}`);
  page.raw(...filled(`${bold(`fpm-ts ${command.name}`)} ${literal(command.usage)}`));
  page.markdown(sentence(command.description));
  for (const argument of command.arguments) tagArgument(page, argument);
  for (const option of command.options) if (!option.names.includes('--help')) tagOption(page, option);
  if (command.after === '') return;
  page.code(command.after);
}

function tagArgument(page: ManPage, { name, description, choices }: ArgumentInfo): void {
  const said = [description, ...(choices.length === 0 ? [] : [`one of ${choices.join(', ')}`])];
  const about = said.filter(part => part !== '').join('; ');
  if (about !== '') page.tagged(`*${name}*`, sentence(about));
}

function tagOption(page: ManPage, option: OptionInfo): void {
  const value = option.value === null ? '' : ` *${option.value}*`;
  const names = option.names.map(name => `**${name}**`).join(', ');
  const more = [
    ...(option.choices.length === 0 ? [] : [`one of ${option.choices.join(', ')}`]),
    ...(option.default === null ? [] : [`default: \`${option.default}\``]),
  ];
  page.tagged(names + value, sentence([option.description, ...more].join('; ')));
}

function sentence(said: string): string {
  const text = said.charAt(0).toUpperCase() + said.slice(1);
  return /[.:!?]$/.test(text) ? text : `${text}.`;
}

/** After a name and a dash: "runs pools of programs". */
function asTitle(said: string): string {
  return (said.charAt(0).toLowerCase() + said.slice(1)).replace(/\.$/, '');
}

function text(file: string): string {
  return readFileSync(new URL(file, import.meta.url), 'utf8');
}
