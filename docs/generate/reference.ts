/** docs/configuration.md: the prose of configuration-intro.md, then every key from the schema. */
import { readFileSync } from 'node:fs';
import { GLOBAL_NOT_YET, POOL_NOT_YET } from '../../src/config/not-yet.ts';
import type { Applies } from '../../src/config/schema/setting.ts';
import { type FileKind, KEYS, type KeyInfo } from '../../src/config/schema.ts';
import { tomlValue } from '../../src/config/toml/write.ts';

const APPLIED: Readonly<Record<Applies, string>> = {
  live: 'at once, without new workers',
  workers: 'with new workers, in a reload',
  listener: 'with a new listening socket and new workers, in a reload',
  restart: 'after fpm-ts is stopped and started',
};

const TITLES: Readonly<Record<FileKind, string>> = {
  global: '## Keys of fpm-ts.toml',
  pool: '## Keys of a pool file',
};

export function configurationPage(): string {
  const intro = readFileSync(new URL('configuration-intro.md', import.meta.url), 'utf8');
  return [
    '<!-- Generated from src/config/schema/ and docs/generate/configuration-intro.md by npm run generate. -->\n',
    intro,
    section('global'),
    section('pool'),
  ].join('\n');
}

function section(kind: FileKind): string {
  const keys = [...KEYS[kind].values()].map(key => describe(key, kind));
  return `${TITLES[kind]}\n\n${keys.join('\n')}`;
}

function describe(key: KeyInfo, kind: FileKind): string {
  const facts = factsOf(key, kind).map(fact => `- ${fact}`);
  return `### \`${key.name}\`\n\n${key.meta.description}\n\n${facts.join('\n')}\n`;
}

/** The facts of a key besides its description: one line of Markdown each. */
export function factsOf(key: KeyInfo, kind: FileKind): string[] {
  const { meta } = key;
  const notYet = (kind === 'pool' ? POOL_NOT_YET : GLOBAL_NOT_YET).some(it => it.key === key.name);
  return [
    `allowed: ${meta.allowed}`,
    ...(meta.unit === undefined ? [] : [`unit: ${meta.unit}`]),
    `default: ${defaultText(key)}`,
    ...(meta.phpFpm === undefined
      ? []
      : [`php-fpm: ${meta.phpFpm.includes(' ') ? meta.phpFpm : `\`${meta.phpFpm}\``}`]),
    `a change takes effect ${APPLIED[meta.applies]}`,
    ...(notYet ? ['**not yet implemented**: this version refuses values that need it'] : []),
  ];
}

function defaultText(key: KeyInfo): string {
  const { default: value } = key.meta;
  if (value !== undefined) return `\`${tomlValue(value)}\``;
  return (
    key.meta.computedDefault ??
    'none: it must be set in the file, in a file that it extends, or in [defaults]'
  );
}
